"""Every setting of the product: `TRIAN_*` from the environment or `.env`, each explained in `.env.example`."""

import hashlib
import hmac
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from crm.errors import SettingsProblem

TELEGRAM_API = "https://api.telegram.org/bot"
SHORTEST_SECRET = 16
SIMULATOR_TOKEN = "100000001:simulator-token-for-local-use-only"


class Settings(BaseSettings):
    """Durations are in seconds, hours are local wall-clock hours."""

    model_config = SettingsConfigDict(env_prefix="TRIAN_", env_file=".env", extra="ignore")

    database_url: str = "sqlite:///var/trian.db"
    tracker_url: str = "sqlite:///var/tracker.db"
    var_dir: Path = Path("var")
    data_dir: Path = Path("data")
    models_dir: Path = Path("models")
    timezone: str = "Asia/Ho_Chi_Minh"

    telegram_token: SecretStr | None = None
    telegram_base_url: str = TELEGRAM_API
    telegram_base_file_url: str = "https://api.telegram.org/file/bot"
    telegram_proxy: str | None = None
    telegram_mode: Literal["polling", "webhook"] = "polling"
    webhook_url: str | None = None
    webhook_port: int = 8082

    rasa_url: str = "http://127.0.0.1:5005"
    actions_url: str = "http://127.0.0.1:5055/webhook"
    lock_url: str = ""
    rasa_timeout_s: float = 9.0
    shared_secret: SecretStr | None = None

    host: str = "127.0.0.1"
    trusted_proxies: str = "127.0.0.1"
    second_factor: Literal["auto", "leads", "all", "off"] = "auto"
    session_idle_minutes: float = Field(default=120, ge=5)
    session_hours: float = Field(default=12, ge=1, le=72)
    console_port: int = 8080
    simulator_port: int = 8081

    send_rate: int = Field(default=25, ge=0)
    chat_gap_s: float = Field(default=1.0, ge=0)
    flood_limit: int = Field(default=15, ge=0)
    lease_ttl_s: float = Field(default=15.0, ge=2)
    quiet_from_hour: int = Field(default=22, ge=13, le=22)
    quiet_until_hour: int = Field(default=7, ge=7, le=12)
    marketing_per_day: int = Field(default=1, ge=0, le=3)
    approval_above: int = Field(default=500, ge=0)
    canary: int = Field(default=20, ge=0, le=1000)
    campaign_error_rate: float = Field(default=0.1, ge=0, le=1)
    campaign_late_h: float = Field(default=4, gt=0)
    greeting_hour: int = Field(default=8, ge=0, le=23)
    survey_delay_s: float = Field(default=600, ge=0)
    survey_gap_days: int = Field(default=14, ge=0, le=3650)
    complaint_reopen_days: int = Field(default=14, ge=1, le=365)
    complaint_close_days: int = Field(default=7, ge=1, le=365)
    hold_expires_s: float = Field(default=900, ge=0)
    round_robin: bool = False
    agent_capacity: int = Field(default=5, ge=1, le=100)
    model_tolerance: float = Field(default=0.005, ge=0, le=1)
    log_level: str = "INFO"
    log_format: Literal["text", "json"] = "text"
    api_rate: int = Field(default=600, ge=0)
    webhook_private_addresses: bool = False

    # Telegram keeps what it could not deliver for a day: a week keeps every update known longer than it can come again.
    retention_inbound_days: int = Field(default=90, ge=7, le=36500)
    retention_outbox_days: int = Field(default=365, ge=7, le=36500)
    retention_tracker_days: int = Field(default=90, ge=7, le=36500)
    retention_attachments_days: int = Field(default=365, ge=7, le=36500)
    retention_review_days: int = Field(default=180, ge=7, le=36500)
    retention_examples_days: int = Field(default=1095, ge=7, le=36500)
    retention_hour: int = Field(default=3, ge=0, le=23)
    privacy_days: int = Field(default=10, ge=1, le=60)
    privacy_erase_days: int = Field(default=15, ge=1, le=60)
    privacy_remind_days: int = Field(default=3, ge=0, le=30)
    privacy_erase_by_itself: bool = True
    privacy_export_hours: int = Field(default=72, ge=1, le=720)
    consent_journal: Path | None = None

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("no such timezone; Vietnam's is Asia/Ho_Chi_Minh")
        return value

    @field_validator("telegram_proxy", "webhook_url", "consent_journal", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @property
    def zone(self) -> ZoneInfo:
        """The shop's timezone."""
        return ZoneInfo(self.timezone)

    @property
    def journal(self) -> Path:
        """Where every withdrawal of a consent is also written, beside the database and outside of its backups."""
        return self.consent_journal or self.var_dir / "consents.journal"

    @property
    def rasa_urls(self) -> list[str]:
        """Where each Rasa answers; one that does not is passed over. Never empty."""
        return [url.strip().rstrip("/") for url in self.rasa_url.split(",") if url.strip()] or ["http://127.0.0.1:5005"]

    @property
    def catalogue_file(self) -> Path:
        """Where the products' names are written for Rasa's room, which holds no database."""
        return self.var_dir / "catalogue.json"

    @property
    def simulated(self) -> bool:
        """Whether the simulator stands in for Telegram: no token is set."""
        return self.telegram_token is None or not self.telegram_token.get_secret_value()

    @property
    def token(self) -> str:
        """The bot token in use: the real one, or the simulator's."""
        real = self.telegram_token.get_secret_value() if self.telegram_token else ""
        return real or SIMULATOR_TOKEN

    @property
    def bot_id(self) -> int:
        """The bot's own number, the part of the token before the colon. It is no secret.

        Raises:
            SettingsProblem: the token does not have Telegram's shape.
        """
        number = self.token.partition(":")[0]
        if not number.isdigit() or ":" not in self.token:
            raise SettingsProblem("TRIAN_TELEGRAM_TOKEN must look like 123456789:AA…; copy it again from @BotFather")
        return int(number)

    @property
    def api_base_url(self) -> str:
        """Where the Bot API answers, as python-telegram-bot's base_url."""
        return f"http://127.0.0.1:{self.simulator_port}/bot" if self._local_api else self.telegram_base_url

    @property
    def api_base_file_url(self) -> str:
        """Where files are fetched, as python-telegram-bot's base_file_url."""
        return f"http://127.0.0.1:{self.simulator_port}/file/bot" if self._local_api else self.telegram_base_file_url

    @property
    def _local_api(self) -> bool:
        return self.simulated and self.telegram_base_url == TELEGRAM_API

    @property
    def second_factor_rule(self) -> Literal["leads", "all", "off"]:
        """Who needs a second step to log in: by itself nobody with the simulator, leads and above with real customers.

        Raises:
            SettingsProblem: it is switched off, and the customers are real.
        """
        if self.second_factor == "off" and not self.simulated:
            raise SettingsProblem("TRIAN_SECOND_FACTOR=off is for the simulator only; take leads or all")
        if self.second_factor == "auto":
            return "off" if self.simulated else "leads"
        return self.second_factor

    @property
    def secret(self) -> str:
        """The secret that bot and Rasa share.

        Raises:
            SettingsProblem: none is set.
        """
        if self.shared_secret is None or not self.shared_secret.get_secret_value():
            raise SettingsProblem("TRIAN_SHARED_SECRET is not set; `make run` writes one into .env")
        secret = self.shared_secret.get_secret_value()
        if len(secret) < SHORTEST_SECRET:
            raise SettingsProblem(f"TRIAN_SHARED_SECRET is too short; give it {SHORTEST_SECRET} characters or more")
        return secret

    def derived_secret(self, purpose: str) -> str:
        """A secret for one purpose, hex: whoever learns it learns neither the shared one nor another purpose's."""
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
