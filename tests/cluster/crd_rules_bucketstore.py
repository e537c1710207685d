"""The rules of BucketStore, those about one provider's names apart."""

from cluster.crd_rules import Change, Rule, durations, each, grants, origins, paths

_UUID = "00000000-1111-2222-3333-444444444444"
_ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_ENDPOINT = {"spec.s3.endpoint": "https://s3.example.com"}
_OPERATOR = {"spec.provisioning": {"source": "Operator"}}
_IN_PLACE = {"bucket": {"created": True, "adopted": False, "identity": "s3://acme-wandb"}}
_INSTANCE = "spec.instanceRef"


def _only(field: str, provider: str, block: object) -> Rule:
    """Each block goes with its own provider."""
    other = "gcs" if field == "s3" else "s3"
    return Rule(
        base=other,
        field=f"spec.{field}",
        says=f"spec.{field} is for provider {provider} only.",
        good=({},),
        bad=each(f"spec.{field}", block),
    )


def _secrets(who: str, others: tuple[str, ...]) -> list[Rule]:
    """A Secret is named exactly where keys come from one."""
    path, ref = f"spec.{who}", {"name": "keys"}
    named = each(path, {"secretRef": ref}, {"source": "Secret", "secretRef": ref})
    unnamed = each(path, *({"source": other} for other in others))
    return [
        Rule(
            base="s3",
            field=f"{path}.secretRef",
            says=f"Name the Secret with the keys in {path}.secretRef",
            good=(*named, *unnamed),
            bad=each(path, {}, {"source": "Secret"}),
        ),
        Rule(
            base="s3",
            field=f"{path}.secretRef",
            says=f"{path}.secretRef is for source Secret only.",
            good=(*named, *unnamed),
            bad=each(path, *({"source": other, "secretRef": ref} for other in others)),
        ),
    ]


def _locked(
    base: str, field: str, says: str, *, good: tuple[Change, ...], bad: tuple[Change, ...], given: Change | None = None
) -> Rule:
    """A field that cannot change once the bucket is in place."""
    return Rule(base=base, field=field, says=says, good=good, bad=bad, given=given or {}, status=_IN_PLACE)


UNION = [
    Rule(
        base="s3",
        field="spec",
        says="The block that spec.provider names is missing",
        good=({},),
        bad=(
            {"spec.s3": None},
            {"spec.provider": "GCS"},
            {"spec.provider": "Azure", "spec.s3": None},
            {"spec.provider": "CoreWeave", "spec.s3": None},
        ),
    ),
    _only("s3", "S3", {"bucket": "acme", "region": "eu-central-1"}),
    _only("coreWeave", "CoreWeave", {"bucket": "acme"}),
    _only("gcs", "GCS", {"bucket": "acme"}),
    _only("azure", "Azure", {"storageAccount": "acme", "container": "acme"}),
    _only(
        "s3Compatible", "S3Compatible", {"bucket": "acme", "endpoint": "https://s3.example.com", "region": "us-east-1"}
    ),
]

IDENTITIES = [
    Rule(
        base="s3Compatible",
        field="spec.credentials",
        says="An S3-compatible store needs keys of its own",
        good=({},),
        bad=each("spec.credentials", {"source": "Ambient"}, {"source": "WandbAccount"}),
    ),
    Rule(
        base="s3",
        field="spec.credentials",
        says="With spec.s3.endpoint set, W&B must sign with keys",
        good=(_ENDPOINT, *each("spec.credentials", {"source": "Ambient"}, {"source": "WandbAccount"})),
        bad=(
            {**_ENDPOINT, "spec.credentials": {"source": "Ambient"}},
            {**_ENDPOINT, "spec.credentials": {"source": "WandbAccount"}},
        ),
    ),
    Rule(
        base="s3",
        field="spec.provisioning",
        says="The operator's own identity is never shown to an endpoint that a user names",
        good=(
            _OPERATOR,
            {**_ENDPOINT, "spec.provisioning": {"secretRef": {"name": "admin"}}},
            {**_ENDPOINT, "spec.provisioning": {"source": "None"}},
        ),
        bad=({**_ENDPOINT, **_OPERATOR},),
    ),
    *_secrets("credentials", ("Ambient", "WandbAccount")),
    *_secrets("provisioning", ("Operator", "None")),
    Rule(
        base="s3",
        field="spec.credentials.secretRef",
        says="W&B cannot use temporary credentials",
        good=(
            {"spec.credentials.secretRef.keys.accessKeyID": "id"},
            {"spec.provisioning.secretRef": {"name": "admin", "keys": {"sessionToken": "token"}}},
        ),
        bad=({"spec.credentials.secretRef.keys.sessionToken": "token"},),
    ),
]

BEHAVIOUR = [
    paths("s3", "spec.probePath"),
    *grants("s3"),
    Rule(
        base="s3",
        field="spec.cors.allowedOrigins[0]",
        says='An origin is "*" or http:// or https://',
        good=each(
            "spec.cors.allowedOrigins",
            ["*"],
            ["https://wandb.example.com", "http://localhost:8080"],
            ["https://*.example.com"],
            [],
        ),
        bad=tuple(
            {"spec.cors.allowedOrigins": [origin]} for origin in (*origins("a.example"), "null", "https://a.*.example")
        ),
    ),
    durations("s3", "spec.verification.interval", low="30s", high="24h", below="29s", above="24h1s"),
    durations("s3", "spec.verification.dataPathInterval", low="5m", high="720h", below="4m59s", above="99999h"),
]

LOCKS = [
    _locked(
        "s3",
        "spec.provider",
        "spec.provider is locked",
        good=({"spec.managementPolicy": "Observe", "spec.probePath": "probe"},),
        bad=({"spec.provider": "GCS", "spec.s3": None, "spec.gcs": {"bucket": "acme-wandb"}},),
    ),
    _locked(
        "s3",
        _INSTANCE,
        "spec.instanceRef is locked",
        good=({"spec.instanceRef.name": "wandb"},),
        bad=({"spec.instanceRef.name": "other"}, {"spec.instanceRef.namespace": "other"}, {_INSTANCE: None}),
        given={_INSTANCE: {"name": "wandb"}},
    ),
    _locked(
        "s3",
        "spec.s3",
        "bucket, accountID and endpoint of spec.s3 are locked",
        good=({"spec.s3.kmsKeyARN": _ARN, "spec.s3.region": "us-east-1"},),
        bad=(
            {"spec.s3.bucket": "other"},
            {"spec.s3.accountID": None},
            {"spec.s3.accountID": "444455556666"},
            _ENDPOINT,
        ),
        given={"spec.s3.accountID": "111122223333"},
    ),
    _locked(
        "s3",
        "spec.s3",
        "bucket, accountID and endpoint of spec.s3 are locked",
        good=({},),
        bad=(
            {"spec.s3.endpoint": None},
            {"spec.s3.endpoint": "https://other.example.com"},
            {"spec.s3.accountID": "111122223333"},
        ),
        given=_ENDPOINT,
    ),
    _locked(
        "coreWeave",
        "spec.coreWeave",
        "spec.coreWeave.bucket is locked",
        good=({"spec.coreWeave.availabilityZone": "US-EAST-04A"},),
        bad=({"spec.coreWeave.bucket": "other"},),
    ),
    _locked(
        "gcs",
        "spec.gcs",
        "bucket and projectID of spec.gcs are locked",
        good=({"spec.gcs.location": "EU"},),
        bad=({"spec.gcs.bucket": "other"}, {"spec.gcs.projectID": "acme-ml-prod"}),
    ),
    _locked(
        "azure",
        "spec.azure",
        "storageAccount and container of spec.azure are locked",
        good=({"spec.azure.tenantID": _UUID},),
        bad=({"spec.azure.storageAccount": "other"}, {"spec.azure.container": "other"}),
    ),
    _locked(
        "s3Compatible",
        "spec.s3Compatible",
        "bucket and endpoint of spec.s3Compatible are locked",
        good=({"spec.s3Compatible.addressingStyle": "Path", "spec.s3Compatible.region": "eu-1"},),
        bad=({"spec.s3Compatible.bucket": "other"}, {"spec.s3Compatible.endpoint": "https://other.example.com"}),
    ),
    Rule(
        base="s3",
        field=_INSTANCE,
        says="Where it was left out, only what status.instanceRef says may be written here, namespace included.",
        good=each(_INSTANCE, {"name": "wandb", "namespace": "wandb"}),
        bad=each(
            _INSTANCE,
            {"name": "wandb"},
            {"name": "other", "namespace": "wandb"},
            {"name": "wandb", "namespace": "other"},
        ),
        status={**_IN_PLACE, "instanceRef": {"name": "wandb", "namespace": "wandb"}},
    ),
]

RULES = [*UNION, *IDENTITIES, *BEHAVIOUR, *LOCKS]
