"""What the chart lets the operator do: least privilege, and nothing cluster-wide unless asked for."""

from typing import Any

import pytest

from chart.rendering import NAMESPACE, VALUE_SETS, of_kind, render

SETS = pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())
KINDS = ["wandbinstances", "bucketstores", "teamstorages"]


def rules(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [rule for each in of_kind(objects, *(kinds or ("Role", "ClusterRole"))) for rule in each["rules"]]


def granted(role: dict[str, Any]) -> set[tuple[str, str, str]]:
    """All (group, resource, verb) of one role."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def named(objects: list[dict[str, Any]], kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    (found,) = [
        each
        for each in of_kind(objects, kind)
        if each["metadata"]["name"] == name and each["metadata"].get("namespace") == namespace
    ]
    return found


@pytest.mark.parametrize("name", ["default", "namespaces"])
def test_nothing_cluster_wide_unless_asked_for(name: str) -> None:
    """Neither by default nor with a list of namespaces is there a ClusterRole or ClusterRoleBinding."""
    assert not of_kind(render(VALUE_SETS[name]), "ClusterRole", "ClusterRoleBinding")


@SETS
def test_no_wildcards_and_no_way_up(values: dict[str, Any]) -> None:
    """No `*`, no verb or resource by which one could give oneself more, no exec, and no URL outside the resources."""
    for rule in rules(render(values)):
        assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
        assert not [
            each for each in rule["resources"] if each.startswith(("pods/", "nodes", "serviceaccounts", "roles"))
        ]
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"]
        assert "nonResourceURLs" not in rule


@SETS
def test_roles_only_in_watched_namespaces(values: dict[str, Any]) -> None:
    """Roles are in the watched namespaces, and in the release's own one for the Lease."""
    watched = [] if values.get("allNamespaces") else values.get("watchNamespaces") or [NAMESPACE]
    roles = of_kind(render(values), "Role")
    assert {each["metadata"]["namespace"] for each in roles} <= {NAMESPACE, *watched}
    for role in roles:
        if role["metadata"]["namespace"] not in watched:
            assert {resource for _, resource, _ in granted(role)} == {"leases"}


@SETS
def test_each_role_has_its_binding(values: dict[str, Any]) -> None:
    """Every Role and ClusterRole of the operator is bound once, to a ServiceAccount that the chart makes."""
    objects = render(values)
    accounts = {each["metadata"]["name"] for each in of_kind(objects, "ServiceAccount")}
    for role in of_kind(objects, "Role", "ClusterRole"):
        if any("aggregate-to" in label for label in role["metadata"]["labels"]):
            continue
        metadata = role["metadata"]
        binding = named(objects, f"{role['kind']}Binding", metadata["name"], metadata.get("namespace"))
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role["kind"],
            "name": metadata["name"],
        }
        (subject,) = binding["subjects"]
        assert subject["kind"] == "ServiceAccount"
        assert subject["namespace"] == NAMESPACE
        assert subject["name"] in accounts


def test_what_the_operator_may_do() -> None:
    """The whole list of rights in a watched namespace; a verb more needs a reason."""
    role = named(render({}), "Role", "wandb-byob", NAMESPACE)
    assert granted(role) == {
        *(("byob.wandb.com", kind, verb) for kind in KINDS for verb in ("get", "list", "watch", "patch")),
        *(("byob.wandb.com", f"{kind}/status", "patch") for kind in KINDS),
        *(("", "secrets", verb) for verb in ("get", "list", "watch", "create", "delete")),
        ("", "configmaps", "get"),
        ("", "namespaces", "get"),
        *(
            ("apps", kind, verb)
            for kind in ("deployments", "statefulsets")
            for verb in ("get", "list", "watch", "patch")
        ),
        *(("apps.wandb.com", "weightsandbiases", verb) for verb in ("get", "list", "patch")),
        *(("apps", kind, verb) for kind in ("replicasets", "controllerrevisions") for verb in ("get", "list")),
        *(("", "pods", verb) for verb in ("get", "list")),
        *(("batch", kind, verb) for kind in ("jobs", "cronjobs") for verb in ("get", "list")),
        *(("batch", "jobs", verb) for verb in ("create", "delete")),
        *(("events.k8s.io", "events", verb) for verb in ("list", "create", "patch")),
        *(("coordination.k8s.io", "leases", verb) for verb in ("get", "create", "patch")),
    }


def test_all_namespaces_gives_the_same_rights_by_one_cluster_role() -> None:
    """The opt-in widens where, not what."""
    everything = named(render({"allNamespaces": True}), "ClusterRole", f"{NAMESPACE}-wandb-byob")
    assert granted(everything) == granted(named(render({}), "Role", "wandb-byob", NAMESPACE))


@SETS
def test_leases_by_name_only(values: dict[str, Any]) -> None:
    """Only our two Leases can be read and taken: no other controller's leadership is within reach."""
    fullname = values.get("fullnameOverride", "wandb-byob")
    for rule in rules(render(values)):
        if rule["resources"] == ["leases"] and rule["verbs"] != ["create"]:
            assert rule["resourceNames"] == ["wandb-byob", f"{fullname}-leader"]


def test_aggregated_roles_are_opt_in_and_about_our_kinds() -> None:
    """The view and edit roles hold rights on our three kinds only; status stays the operator's."""
    objects = render({"rbac": {"aggregateToDefaultRoles": True}})
    view, edit = of_kind(objects, "ClusterRole")
    assert granted(view) == {("byob.wandb.com", kind, verb) for kind in KINDS for verb in ("get", "list", "watch")}
    verbs = ("create", "update", "patch", "delete", "deletecollection")
    assert granted(edit) == {("byob.wandb.com", kind, verb) for kind in KINDS for verb in verbs}
    assert not of_kind(objects, "ClusterRoleBinding")


def test_own_roles_and_account() -> None:
    """With rbac.create and serviceAccount.create off the chart makes neither, and the pods use the account that is named."""
    values = {
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "mine"},
        "releaseOnUninstall": {"enabled": False},
    }
    objects = render(values)
    assert not of_kind(objects, "Role", "RoleBinding", "ServiceAccount", "Job")
    (deployment,) = of_kind(objects, "Deployment")
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "mine"
