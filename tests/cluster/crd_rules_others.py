"""The rules of WandbInstance and TeamStorage."""

from cluster.crd_rules import Change, Rule, durations, each, grants, of, origins, paths, selectors

_SELF = "self-managed"
_WORKLOADS = "spec.target.workloads"
_ONE_CONTAINER = {"containers": ["app"]}
_SCIM = {"spec.scim.credentialsSecretRef.name": "scim"}
_STORAGE = {"spec.storage.bucketStoreRef": {"name": "acme"}}
_WINDOW = {"schedule": "0 2 * * *", "duration": "2h"}
_CONFIGURED = {
    "type": "Configured",
    "reason": "Configured",
    "message": "",
    "lastTransitionTime": "2026-11-22T20:00:00Z",
}


def _windows(field: str, says: str, *, good: tuple[str, ...], bad: tuple[str, ...]) -> Rule:
    """A rule about one field of a rollout window."""

    def one(value: str) -> Change:
        return {"spec.rollout.windows": [{**_WINDOW, field: value}]}

    return Rule(
        base=_SELF,
        field=f"spec.rollout.windows[0].{field}",
        says=says,
        good=tuple(map(one, good)),
        bad=tuple(map(one, bad)),
    )


def _locked(
    field: str, says: str, *, good: tuple[Change, ...], bad: tuple[Change, ...], given: Change | None = None
) -> Rule:
    """A field of a TeamStorage that cannot change once W&B is configured."""
    return Rule(
        base="team",
        field=field,
        says=says,
        good=good,
        bad=bad,
        given=given or {},
        status={"conditions": [{**_CONFIGURED, "status": "True"}]},
    )


TARGET = [
    Rule(
        base=_SELF,
        field="spec.target",
        says="deploymentType SelfManaged needs spec.target",
        good=({},),
        bad=({"spec.target": None},),
    ),
    Rule(
        base="multi-tenant",
        field="spec.target",
        says="spec.target is for deploymentType SelfManaged only",
        good=({}, {"spec.deploymentType": "DedicatedCloud"}),
        bad=each("spec.target", {"weightsAndBiases": {"name": "wandb"}}),
    ),
    Rule(
        base="multi-tenant",
        field="spec.identity",
        says="spec.identity is for deploymentType SelfManaged only",
        good=({},),
        bad=each("spec.identity", "arn:aws:iam::111122223333:role/wandb"),
    ),
    Rule(
        base=_SELF,
        field="spec.target",
        says="spec.target is empty",
        good=each("spec.target", {"weightsAndBiases": {"name": "wandb"}}),
        bad=each("spec.target", {}),
    ),
    Rule(
        base=_SELF,
        field="spec.target",
        says="spec.target takes either workloads or weightsAndBiases, not both.",
        good=({},),
        bad=each("spec.target.weightsAndBiases", {"name": "wandb"}),
    ),
    Rule(
        base=_SELF,
        field=_WORKLOADS,
        says="spec.target.workloads must say which workloads are meant.",
        good=each(_WORKLOADS, {"names": ["wandb-app"], **_ONE_CONTAINER}),
        bad=each(_WORKLOADS, {}, _ONE_CONTAINER),
    ),
    Rule(
        base=_SELF,
        field=_WORKLOADS,
        says="takes either selector or names, not both.",
        good=({},),
        bad=each(f"{_WORKLOADS}.names", ["wandb-app"]),
    ),
    *selectors(_SELF, f"{_WORKLOADS}.selector", empty="An empty selector would match every workload of the namespace."),
]

INSTANCE = [
    of(
        _SELF,
        "spec.host",
        "spec.host is http:// or https://",
        good=("http://localhost:8080", "https://wandb.example.com:8443", "http://[fd00::1]"),
        bad=(
            "",
            "*",
            *origins("wandb.example.com"),
            "https://wandb.example.com/app",
            "https://wandb.example.com:0",
            "https://wandb.example.com:70000",
            "https://wandb.example.com\n",
        ),
    ),
    of(
        _SELF,
        "spec.host",
        "Browsers leave the default port out of the origin",
        good=("https://wandb.example.com:80", "http://wandb.example.com:443"),
        bad=("https://wandb.example.com:443", "http://wandb.example.com:80"),
    ),
    of(
        _SELF,
        "spec.version",
        "spec.version must be a version",
        good=("0.85.0", "v0.73", "0.85.0-rc.1"),
        bad=("", "latest", "0", "0.85.0 "),
    ),
    of(
        _SELF,
        "spec.chartVersion",
        "spec.chartVersion must be a version",
        good=("0.43.8",),
        bad=("", "latest", "operator-wandb-0.43.8"),
    ),
    of(
        _SELF,
        "spec.wandbOrgID",
        "Wildcards would let every W&B customer into the bucket.",
        good=("acme_prod.1-a",),
        bad=("", "*", "acme*", "acme?", "a b"),
    ),
    of(
        _SELF,
        "spec.identity",
        "A wildcard would open the bucket to everybody.",
        good=(
            "arn:aws:iam::111122223333:role/path/wandb",
            "wandb@acme-ml-prod.iam.gserviceaccount.com",
            "00000000-1111-2222-3333-444444444444",
        ),
        bad=("", "*", "arn:aws:iam::111122223333:role/*", "a b", '"', "a\n"),
    ),
    paths(_SELF, "spec.storage.path", _STORAGE),
    of(
        _SELF,
        "spec.storage.takeOwnership",
        "must be of type boolean",
        good=(True, False),
        bad=("true", "yes", 1),
        given=_STORAGE,
    ),
    # Consent to take a value over is none without the bucket that is to take its place.
    of(
        _SELF,
        "spec.storage.bucketStoreRef",
        "Required value",
        good=({"name": "acme"},),
        bad=(None,),
        given={"spec.storage.takeOwnership": True},
    ),
    *grants(_SELF),
    of(
        _SELF,
        "spec.scim.baseURL",
        "spec.scim.baseURL is http:// or https://",
        good=("https://wandb.example.com/scim", "http://wandb-api.wandb.svc:8080/scim/v2/"),
        bad=(
            "",
            "wandb.example.com/scim",
            "https://user:very-secret@wandb.example.com/scim",
            "https://wandb.example.com/scim?a=b",
            "https://wandb.example.com//scim",
            "https://a:70000/scim",
        ),
        given=_SCIM,
    ),
]

ROLLOUT = [
    durations(_SELF, "spec.rollout.maxWait", low="0s", high="24h", below=None, above="24h1s"),
    durations(_SELF, "spec.rollout.minimumInterval", low="0s", high="720h", below=None, above="720h1s"),
    durations(_SELF, "spec.rollout.timeout", low="10s", high="24h", below="9s", above="25h"),
    _windows(
        "schedule",
        "schedule must be five cron fields",
        good=("0 2 * * *", "*/15 0-6,22 1 JAN-MAR mon-fri", "0  2 * * 0"),
        bad=("", "@daily", "0 2 * *", "0 2 * * * *", "0 2 * * *\n", "a 2 * * *"),
    ),
    _windows(
        "duration",
        "duration of a rollout window must be",
        good=("1m", "168h"),
        bad=("", "59s", "169h", "2 hours", "1d"),
    ),
    _windows(
        "timeZone",
        "timeZone must be the name of an IANA time zone",
        good=("UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"),
        bad=("", "+02:00", "../etc", "/etc", "a b"),
    ),
]

TEAM = [
    of(
        "team",
        "spec.team",
        "A team's name has letters, digits",
        good=("ml-research", "ML_2", "a.b"),
        bad=("", "-a", "a b", "a/b", "ü", "a,b"),
    ),
    paths("team", "spec.path"),
    _locked(
        "spec.team",
        "spec.team is locked",
        # The name of the object is the default of the team: writing it out changes nothing.
        good=(
            {"spec.team": "team"},
            {"spec.createTeam": {"members": ["a@example.com"]}},
            {"spec.pathOverlap": "Allow"},
        ),
        bad=({"spec.team": "other"},),
    ),
    _locked(
        "spec.team",
        "spec.team is locked",
        good=({},),
        bad=({"spec.team": "team"}, {"spec.team": None}),
        given={"spec.team": "ml"},
    ),
    _locked(
        "spec.bucketStoreRef",
        "spec.bucketStoreRef is locked",
        good=({},),
        bad=({"spec.bucketStoreRef.name": "other"}, {"spec.bucketStoreRef.namespace": "other"}),
    ),
    _locked(
        "spec.bucketStoreRef",
        "spec.bucketStoreRef is locked",
        good=({},),
        bad=({"spec.bucketStoreRef.namespace": None},),
        given={"spec.bucketStoreRef.namespace": "stores"},
    ),
    _locked("spec.path", "spec.path is locked", good=({},), bad=({"spec.path": "teams/ml"},)),
    _locked(
        "spec.path",
        "spec.path is locked",
        good=({"spec.path": "teams/ml"},),
        bad=({"spec.path": "teams"}, {"spec.path": None}),
        given={"spec.path": "teams/ml"},
    ),
]

RULES = [*TARGET, *INSTANCE, *ROLLOUT, *TEAM]
