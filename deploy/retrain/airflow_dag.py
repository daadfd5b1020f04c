"""Every night, with Airflow 3: refused is skipped; an error is tried again, and goes on."""

from datetime import UTC, datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

RETRAIN = "/opt/bowerbird/bin/bowerbird retrain runs --data data"
WHEN = {"schedule": "0 2 * * *", "start_date": datetime(2026, 1, 1, tzinfo=UTC), "catchup": False}
with DAG("bowerbird_retrain", max_active_runs=1, **WHEN):
    BashOperator(
        task_id="retrain",
        bash_command=f"{RETRAIN}; code=$?; [ $code -ne 10 ] || code=0; exit $code",
        cwd="/var/lib/bowerbird",
        skip_on_exit_code=20,
        retries=3,
        retry_delay=600,
    )
