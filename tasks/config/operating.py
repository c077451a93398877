"""The part of a corpus file that says how its runs go: what they may use, who writes, and when."""

from datetime import datetime

from pydantic import Field, field_validator, model_validator

from tasks.config.part import Settings


class Resources(Settings):
    """What embedding may use."""

    address: str | None = Field(None, description="A running Ray cluster; by default Ray starts on this machine.")
    actors: int | None = Field(None, ge=1, description="Encoders at once; by default one per GPU, else one.")
    cpus: float | None = Field(None, gt=0, description="CPUs for each actor; by default shared out evenly.")
    gpus: float | None = Field(None, ge=0, description="GPUs for each actor; fractions share one.")
    batch_tokens: int | None = Field(
        None, ge=8, description="Tokens that a model runs at once, padding included; `embedlake bench` finds the best."
    )
    readers: int | None = Field(
        None,
        ge=1,
        description="Processes that read and chunk; by default one per core. Each may take its share of three quarters "
        "of the machine's memory, or at least 4 GiB where these are no more than half of it.",
    )
    commit_seconds: float = Field(
        15, gt=0, description="Land vectors at least so often; a run that is killed loses at most these."
    )
    in_process_below: int = Field(
        2_000_000, ge=0, description="With fewer tokens to embed, embed in the run's own process without starting Ray."
    )


class Lease(Settings):
    """How one writer keeps others away."""

    seconds: float = Field(60, ge=2, description="A run silent for so long may be taken for dead, and its lease taken.")


_CRON_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")


class Schedule(Settings):
    """When `embedlake serve` runs the corpus."""

    cron: str = Field(description="Five fields: minute, hour, day, month, weekday.")
    timezone: str = Field("UTC", description="A name of the IANA database, such as Europe/Paris.")

    @field_validator("cron")
    @classmethod
    def _comes_true(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != 5:
            raise ValueError("a cron line has five fields, for example '0 2 * * *'")
        for place, (name, field) in enumerate(zip(_CRON_FIELDS, fields, strict=True)):
            alone = [field if i == place else "*" for i in range(5)]
            if not _has_a_time(" ".join(alone)):
                raise ValueError(f"{value!r} is no cron line: its {name}, {field!r}, cannot be one")
        if not _has_a_time(value):
            raise ValueError(f"{value!r} never comes: no day is ever the {fields[2]} of month {fields[3]}")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except Exception:
            raise ValueError(f"{value!r} is no time zone; expected a name such as UTC or Europe/Paris") from None
        return value


class Evaluations(Schedule):
    """When `embedlake serve` compares the models, and by what."""

    queries: str | None = Field(
        None, description="A file of queries, relative to the corpus file; without one, known items of the corpus."
    )
    qrels: str | None = Field(None, description="A file of judgments of these.")

    @model_validator(mode="after")
    def _judges_queries(self) -> "Evaluations":
        if self.qrels and not self.queries:
            raise ValueError("`qrels` says what answers queries, but there are none; name their file in `queries`")
        return self


def _has_a_time(cron: str) -> bool:
    """Whether there is a time that a line of five fields names. Of what cronsim knows, Prefect lacks the last workday
    of a month (LW) and its last Monday (1L)."""
    from cronsim import CronSim

    days, weekdays = cron.upper().split()[2::2]
    if (days != "L" and "L" in days) or "L" in weekdays:
        return False
    try:
        next(CronSim(cron, datetime(2000, 1, 1)))
    except Exception:  # its own, and Python's for numbers of a thousand digits
        return False
    return True
