"""Every night, with Dagster: a tag says what came of it; an error is tried again, and goes on."""

import subprocess

import dagster as dg

RETRAIN = ["/opt/bowerbird/bin/bowerbird", "retrain", "runs", "--data", "data"]
STATES = {0: "promoted", 10: "kept-champion", 20: "refused"}


@dg.op(retry_policy=dg.RetryPolicy(max_retries=3, delay=600))
def retrain(context: dg.OpExecutionContext) -> None:
    code = subprocess.call(RETRAIN, cwd="/var/lib/bowerbird")
    if code not in STATES:
        raise dg.Failure(f"{code}: its standard error says why")
    context.instance.add_run_tags(context.run_id, {"bowerbird": STATES[code]})


@dg.job
def bowerbird_retrain() -> None:
    retrain()


nightly = dg.ScheduleDefinition(job=bowerbird_retrain, cron_schedule="0 2 * * *")
