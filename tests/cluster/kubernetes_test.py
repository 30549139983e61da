"""Checks examples/kubernetes/job.yaml against the fields of batch/v1 that it uses, and runs its command for each index.

  kubernetes_test.py CNNOPT SOURCE_FOLDER

There is no cluster here: what the API server would say of it is not known.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testing"))
from models import OPTIONS, make_zoo
from optional import leave_out

try:
    import jsonschema
    import yaml
except ImportError:
    leave_out("python3-yaml or python3-jsonschema")

QUANTITY = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
COUNT = {"type": "integer", "minimum": 1}


def fields(required, **properties):
    """An object of these fields and no others; the first ones are `required`."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def listed(items):
    return {"type": "array", "items": items, "minItems": 1}


ON_EXIT = fields(["operator", "values"], containerName=NAME, operator={"enum": ["In", "NotIn"]},
                 values=listed({"type": "integer", "minimum": 1, "maximum": 255}))
ON_CONDITION = fields(["type", "status"], type={"const": "DisruptionTarget"}, status={"enum": ["True", "False"]})
RULE = {"oneOf": [
    fields(["action", "onExitCodes"], action={"enum": ["Ignore", "Count", "FailJob", "FailIndex"]}, onExitCodes=ON_EXIT),
    fields(["action", "onPodConditions"], action={"enum": ["Ignore", "Count", "FailJob", "FailIndex"]},
           onPodConditions=listed(ON_CONDITION))]}
AMOUNTS = fields(["cpu", "memory"], cpu=QUANTITY, memory=QUANTITY)
CONTAINER = fields(["name", "image", "command"], name=NAME, image={"type": "string", "minLength": 1},
                   command=listed({"type": "string"}), resources=fields([], requests=AMOUNTS, limits=AMOUNTS),
                   volumeMounts=listed(fields(["name", "mountPath"], name=NAME,
                                              mountPath={"type": "string", "pattern": "^/"})))
VOLUME = {"oneOf": [
    fields(["name", "persistentVolumeClaim"], name=NAME, persistentVolumeClaim=fields(["claimName"], claimName=NAME)),
    fields(["name", "emptyDir"], name=NAME, emptyDir={"type": "object", "maxProperties": 0})]}
POD = fields(["restartPolicy", "containers"], restartPolicy={"const": "Never"}, terminationGracePeriodSeconds=COUNT,
             containers=listed(CONTAINER), volumes=listed(VOLUME))
JOB = fields(
    ["apiVersion", "kind", "metadata", "spec"], apiVersion={"const": "batch/v1"}, kind={"const": "Job"},
    metadata=fields(["name"], name=NAME),
    spec=fields(["completionMode", "completions", "parallelism", "template"], completionMode={"const": "Indexed"},
                completions=COUNT, parallelism=COUNT, backoffLimitPerIndex={"type": "integer", "minimum": 0},
                maxFailedIndexes=COUNT, podFailurePolicy=fields(["rules"], rules=listed(RULE)),
                template=fields(["spec"], spec=POD)))


def check(job):
    """Fields by the schema, then what it cannot say."""
    jsonschema.Draft202012Validator(JOB).validate(job)
    spec = job["spec"]
    pod = spec["template"]["spec"]
    assert spec["maxFailedIndexes"] <= spec["completions"] >= spec["parallelism"]
    containers = {container["name"] for container in pod["containers"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    for rule in spec["podFailurePolicy"]["rules"]:
        assert rule.get("onExitCodes", {}).get("containerName", "cnnopt") in containers, rule
    for container in pod["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes, container
    command = pod["containers"][0]["command"]
    grace = [int(match.group(1)) for match in map(re.compile(r"--grace=(\d+)$").match, command) if match]
    assert len(grace) == 1 and grace[0] < pod["terminationGracePeriodSeconds"], command
    return command


def main(cnnopt, source):
    text = pathlib.Path(source, "examples/kubernetes/job.yaml").read_text(encoding="utf-8")
    command = check(yaml.safe_load(text))
    for wrong in (text.replace("completionMode", "completionmode"), text.replace("Never", "Always"),
                  text.replace("values: [75]", "values: [0]"), text.replace("8Gi", "8GB"),
                  text.replace("  completions: 40", "  completions: 4")):
        try:
            check(yaml.safe_load(wrong))
        except (jsonschema.ValidationError, AssertionError):
            continue
        raise AssertionError("accepted:\n" + wrong)
    print("fine: the fields")

    with tempfile.TemporaryDirectory() as folder:
        make_zoo(folder + "/zoo", source, ["net%d" % n for n in range(3)])
        plan = subprocess.run([cnnopt, "batch", "plan", folder + "/zoo", "--shards=2"] + OPTIONS, check=True,
                              capture_output=True)
        pathlib.Path(folder, "manifest.jsonl").write_bytes(plan.stdout)
        words = [cnnopt] + [word.replace("/data", folder) for word in command[1:]]
        for index in ("0", "1"):
            environment = dict(os.environ, JOB_COMPLETION_INDEX=index)
            subprocess.run(words, env=environment, check=True, capture_output=True, timeout=120)
        subprocess.run([cnnopt, "batch", "status", folder + "/manifest.jsonl", folder + "/out/cnnopt-reports"],
                       check=True, capture_output=True)
        print("fine: its command, for each index")


main(*sys.argv[1:])
