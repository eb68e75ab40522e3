"""Work on complaints: causes, steps, partners, compensation, and winning back."""

from enum import StrEnum

from console.language import _
from crm.models.care import Cause
from crm.models.cases import CompensationKind, PartnerKind, RecoveryState, StepState


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        Cause: {
            Cause.MANUFACTURE: _("Made faultily"),
            Cause.TRANSPORT: _("Damaged on the way"),
            Cause.WRONG_GOODS: _("Wrong or missing goods"),
            Cause.DELAY: _("Delay"),
            Cause.SERVICE: _("How we behaved"),
            Cause.INFORMATION: _("Wrong information"),
            Cause.PROCESS: _("Our process"),
            Cause.USE: _("Used wrongly"),
            Cause.OTHER: _("Another cause"),
        },
        StepState: {
            StepState.OPEN: _("To do"),
            StepState.DONE: _("Done"),
            StepState.DROPPED: _("Not needed any more"),
        },
        PartnerKind: {
            PartnerKind.SUPPLIER: _("Supplier"),
            PartnerKind.DISTRIBUTOR: _("Distributor"),
            PartnerKind.CARRIER: _("Carrier"),
            PartnerKind.REPAIRER: _("Repair shop"),
        },
        CompensationKind: {
            CompensationKind.REFUND: _("Money back"),
            CompensationKind.DISCOUNT: _("Discount"),
            CompensationKind.VOUCHER: _("Voucher"),
            CompensationKind.REPLACEMENT: _("Exchange"),
            CompensationKind.REPAIR: _("Free repair"),
            CompensationKind.GIFT: _("Gift"),
        },
        RecoveryState: {
            RecoveryState.OPEN: _("Nobody has it"),
            RecoveryState.TAKEN: _("Being won back"),
            RecoveryState.DONE: _("Settled"),
            RecoveryState.WITHDRAWN: _("Rating corrected"),
        },
    }
