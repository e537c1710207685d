"""Each provider's rules for bucket names, in the provider's own words.

The CRD refuses most of these at admission; the check repeats them for manifests on disk, and for objects that were
stored by another way.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from wandb_byob.model.checks import Check, CheckName, CheckResult

Provider = Literal["S3", "CoreWeave", "GCS", "Azure", "S3Compatible"]


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """A name that matches `bad`, or does not match `good`, breaks the rule."""

    message: str
    good: re.Pattern[str] | None = None
    bad: re.Pattern[str] | None = None

    def broken_by(self, name: str) -> bool:
        matches_not = self.good is not None and self.good.fullmatch(name) is None
        return matches_not or (self.bad is not None and self.bad.search(name) is not None)


def _re(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII | re.DOTALL)


_LENGTH: Final = _Rule(message="has 3 to 63 characters", good=_re(r".{3,63}"))
_DOTS: Final = _Rule(message="has no two dots in a row", bad=_re(r"\.\."))
_IP: Final = _Rule(message="does not look like an IP address", bad=_re(r"^[0-9]+(\.[0-9]+){3}$"))
_RULES: Final[dict[str, tuple[_Rule, ...]]] = {
    "S3": (
        _LENGTH,
        _Rule(message="holds lower-case letters, digits, dots and hyphens only", good=_re(r"[a-z0-9.-]+")),
        _Rule(message="starts and ends with a letter or digit", good=_re(r"[a-z0-9](.*[a-z0-9])?")),
        _DOTS,
        _IP,
        _Rule(
            message="does not start with xn--, sthree- or amzn-s3-demo- (reserved by AWS)",
            bad=_re(r"^(xn--|sthree-|amzn-s3-demo-)"),
        ),
        _Rule(
            message="does not end with -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3 (reserved by AWS)",
            bad=_re(r"(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$"),
        ),
    ),
    "CoreWeave": (
        _LENGTH,
        _Rule(
            message="holds lower-case letters, digits and hyphens only, no dots or underscores", good=_re(r"[a-z0-9-]+")
        ),
        _Rule(message="starts and ends with a letter or digit", good=_re(r"[a-z0-9](.*[a-z0-9])?")),
        _Rule(
            message="is not int and does not start with xn--, cw-, vip- or log-stitcher-ch- (reserved by CoreWeave)",
            bad=_re(r"^(xn--|cw-|vip-|log-stitcher-ch-)|^int$"),
        ),
    ),
    "GCS": (
        _Rule(
            message="has 3 to 63 characters (222 with dots, 63 between them)",
            good=_re(r"[^.]{3,63}|(?=.{3,222}$)[^.]{1,63}(\.[^.]{1,63})+"),
        ),
        _Rule(
            message="holds lower-case letters, digits, dots, hyphens and underscores only", good=_re(r"[a-z0-9._-]+")
        ),
        _Rule(message="starts and ends with a letter or digit", good=_re(r"[a-z0-9](.*[a-z0-9])?")),
        _DOTS,
        _IP,
        _Rule(
            message="does not start with goog or contain google (reserved by Google)", bad=_re(r"^goog|google|g00gle")
        ),
    ),
    "Azure": (
        _LENGTH,
        _Rule(message="holds lower-case letters, digits and hyphens only", good=_re(r"[a-z0-9-]+")),
        _Rule(message="starts and ends with a letter or digit", good=_re(r"[a-z0-9](.*[a-z0-9])?")),
        _Rule(message="has no two hyphens in a row", bad=_re(r"--")),
    ),
    "S3Compatible": (
        _LENGTH,
        _Rule(message="holds letters, digits, dots, hyphens and underscores only", good=_re(r"[A-Za-z0-9._-]+")),
        _Rule(message="starts and ends with a letter or digit", good=_re(r"[A-Za-z0-9](.*[A-Za-z0-9])?")),
        _DOTS,
    ),
}
_WHOSE: Final = {
    "S3": "An S3 bucket name",
    "CoreWeave": "A CoreWeave bucket name",
    "GCS": "A GCS bucket name",
    "Azure": "An Azure container name",
    "S3Compatible": "A bucket name",
}
_FIELD: Final = {
    "S3": "spec.s3.bucket",
    "CoreWeave": "spec.coreWeave.bucket",
    "GCS": "spec.gcs.bucket",
    "Azure": "spec.azure.container",
    "S3Compatible": "spec.s3Compatible.bucket",
}
# AWS forbids them today, and stores follow it to different degrees.
_DISPUTED: Final = _re(r"[A-Z_]")
_SUBDOMAIN: Final = _re(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def check_bucket_name(provider: Provider, name: str, *, virtual: bool = False) -> Check:
    """Check a name against the provider's rules; `virtual`: requests put it before the host name."""
    broken = next((rule for rule in _RULES[provider] if rule.broken_by(name)), None)
    if broken is not None:
        alone = f"Write the name alone in {_FIELD[provider]}, without a scheme, a host or a path."
        return Check(
            name=CheckName.BUCKET_NAME,
            result=CheckResult.FAILED,
            message=f"{_WHOSE[provider]} {broken.message}.",
            remedy=alone if "/" in name else f"Choose another name in {_FIELD[provider]}.",
        )
    if virtual and _SUBDOMAIN.fullmatch(name) is None:
        # A certificate for *.host covers one label of lower-case letters, digits and hyphens.
        return Check(
            name=CheckName.BUCKET_NAME,
            result=CheckResult.WARNING,
            message="The name becomes part of the host name, where dots, underscores and capitals break TLS.",
            remedy=f"Choose a name of lower-case letters, digits and hyphens in {_FIELD[provider]}, or use path style with keys.",
        )
    message = "The name keeps to the provider's rules."
    if provider == "S3Compatible" and _DISPUTED.search(name) is not None:
        message = (
            "Stores differ about capitals and underscores in names; one that does not take them refuses the bucket."
        )
    return Check(name=CheckName.BUCKET_NAME, result=CheckResult.PASSED, message=message)
