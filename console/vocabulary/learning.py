"""What the assistant did not understand, and the trainings."""

from enum import StrEnum

from console.language import _
from crm.models.review import ReviewReason, ReviewState
from crm.models.training import TrainingKind, TrainingState


def words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        ReviewReason: {
            ReviewReason.UNCERTAIN: _("Was not sure"),
            ReviewReason.REJECTED: _("Took it for small talk"),
            ReviewReason.NOT_HELPFUL: _("The answer did not help"),
            ReviewReason.UNANSWERED: _("Had no answer"),
        },
        ReviewState: {
            ReviewState.OPEN: _("To be decided"),
            ReviewState.ASSIGNED: _("Given a meaning"),
            ReviewState.ANSWERED: _("Answered by an article"),
            ReviewState.DISMISSED: _("Passed over"),
        },
        TrainingKind: {
            TrainingKind.TRAIN: _("Training"),
            TrainingKind.PROMOTE: _("Putting the new model in use"),
            TrainingKind.ROLL_BACK: _("Going back to an earlier model"),
        },
        TrainingState: {
            TrainingState.ASKED: _("is waiting to start"),
            TrainingState.RUNNING: _("is running"),
            TrainingState.DONE: _("done"),
            TrainingState.REFUSED: _("was refused"),
            TrainingState.LOST: _("broke off"),
        },
    }
