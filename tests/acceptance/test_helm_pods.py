"""The Helm chart's pods: what they may do, what they are told, and what migrates before them."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from app.core.config import Settings
from tests.support.deployment import patience_of_a_stopping_worker
from tests.support.helm import (
    ALL,
    LEAST,
    OWN_SECRET,
    Values,
    everything,
    least,
    pods,
    rendered,
)
from tests.support.processes import ROOT


def test_no_pod_may_do_more_than_it_needs() -> None:
    for name, pod in pods(everything()).items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        inside = pod["securityContext"]
        assert inside["runAsNonRoot"] is True
        assert inside["runAsUser"] == inside["runAsGroup"] == 10001
        assert inside["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            mounts = {each["mountPath"] for each in container["volumeMounts"]}
            assert mounts == {"/tmp", "/data", "/logs", "/etc/ca"}


def test_every_variable_is_a_setting() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"FORWARDED_ALLOW_IPS", "TZ"}
    given = set(everything()["ConfigMap", "tasks-tasksystem"]["data"])
    given |= set(everything()["Secret", "tasks-tasksystem"]["stringData"])
    for pod in pods(everything()).values():
        given |= {each["name"] for each in pod["containers"][0]["env"]}
    assert given <= known


def test_production_has_what_it_demands() -> None:
    config = least()["ConfigMap", "tasks-tasksystem"]["data"]
    secret = least()["Secret", "tasks-tasksystem"]["stringData"]
    values: dict[str, Any] = {name.lower(): text for name, text in {**config, **secret}.items()}
    settings = Settings(_env_file=None, **values)
    assert settings.app_env == "production"
    assert settings.celery_result_backend == settings.celery_broker_url


def test_a_worker_has_time_to_give_its_tasks_back() -> None:
    worker = pods(least())["tasks-tasksystem-worker-default"]
    assert worker["terminationGracePeriodSeconds"] > patience_of_a_stopping_worker()
    assert worker["shareProcessNamespace"] is True


def test_a_longer_drain_lengthens_the_time() -> None:
    objects = rendered({**LEAST, "drainSeconds": 600, "cancelGraceSeconds": 60})
    assert pods(objects)["tasks-tasksystem-worker-default"]["terminationGracePeriodSeconds"] == 690
    config = objects["ConfigMap", "tasks-tasksystem"]["data"]
    assert (config["DRAIN_SECONDS"], config["CANCEL_GRACE_SECONDS"]) == ("600", "60")


def test_commands_are_those_of_compose() -> None:
    text = (ROOT / "docker-compose.celery.yml").read_text()
    for pod in pods(least()).values():
        command = [word for word in pod["containers"][0]["command"] if not word.startswith("--")]
        if command[0] == "uvicorn":
            command = ["uvicorn", "app.main:app"]
        assert json.dumps(command)[:-1] in text, command


def test_workers_have_queues_and_slots_of_their_own() -> None:
    words = {
        name.removeprefix("tasks-tasksystem-worker-"): pod["containers"][0]["command"][3:]
        for name, pod in pods(everything()).items()
        if "-worker-" in name
    }
    assert words == {
        "reports": [
            "--name=reports",
            "--concurrency=8",
            "--pool=prefork",
            "--queues=reports,mail.fast",
        ],
        "rest": ["--name=rest", "--concurrency=2", "--pool=threads"],
    }


def test_the_worker_knows_every_option_that_it_is_given() -> None:
    from scripts.celery_worker import _options

    for pod in pods(rendered(ALL)).values():
        command = pod["containers"][0]["command"]
        if "scripts.celery_worker" in command:
            assert _options(command[3:]).concurrency


def test_a_change_of_settings_starts_pods_anew() -> None:
    def annotations(values: Values) -> str:
        api = rendered(values)["Deployment", "tasks-tasksystem-api"]
        return json.dumps(api["spec"]["template"]["metadata"]["annotations"], sort_keys=True)

    other = {**LEAST, "config": {"LEASE_SECONDS": "60"}}
    key = deepcopy(LEAST)
    key["secret"]["values"]["SECRET_KEY"] = "other" * 10
    assert len({annotations(values) for values in (LEAST, other, key)}) == 3


# The migration


def test_the_migration_is_done_before_and_needs_nothing_of_the_release() -> None:
    job = least()["Job", "tasks-tasksystem-migrate"]
    secret = least()["Secret", "tasks-tasksystem-migrate"]
    weights = []
    for each in (secret, job):
        notes = each["metadata"]["annotations"]
        assert notes["helm.sh/hook"] == "pre-install,pre-upgrade"
        weights.append(int(notes["helm.sh/hook-weight"]))
    assert weights == sorted(weights)
    pod = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in pod
    container = pod["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "tasks-tasksystem-migrate"}}]
    config = least()["ConfigMap", "tasks-tasksystem"]["data"]
    assert {each["name"]: each["value"] for each in container["env"]} == config
    assert secret["stringData"] == least()["Secret", "tasks-tasksystem"]["stringData"]


def test_a_secret_of_ones_own_is_used_everywhere_and_none_is_made() -> None:
    objects = rendered(OWN_SECRET)
    assert not [key for key in objects if key[0] == "Secret"]
    for pod in pods(objects).values():
        assert {"secretRef": {"name": "mine"}} in pod["containers"][0]["envFrom"]
