"""What an error of a store means for the user, in the one form that becomes a condition or a failed check."""

from dataclasses import dataclass
from datetime import timedelta

from wandb_byob.decide import verification
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What an error means for the user; `after` is None where only an edit (or a grant) helps. `check`: the one that fails by it."""

    code: str
    check: CheckName | None
    reason: Reason
    message: str
    remedy: str
    after: timedelta | None = None

    def error(self) -> DomainError:
        """Return it as the error that a reconciler understands."""
        text, check = f"{self.message} {self.remedy}", None
        if self.check is not None:
            check = Check(name=self.check, result=CheckResult.FAILED, message=self.message, remedy=self.remedy)
            text = verification.explain(check)
        if self.after is None:
            return Stalled(self.reason, text, check=check)
        return Waiting(self.reason, text, check=check, after=self.after)

    def failure(self, *, final: bool) -> Failure:
        """Return it as what one call of a probe gave; `final`: no other key would change it."""
        return Failure(
            code=self.code,
            message=self.message,
            remedy=self.remedy,
            final=final,
            bucket_check=None if final else self.check,
        )
