"""Procrastinate: a row of PostgreSQL for each job and three for its events, requests in the worker's threads."""

import procrastinate

from benchmarks.peers import target

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=target.POSTGRES, min_size=2, max_size=10))


@app.task(name="get")
def get(url: str) -> None:
    target.get(url)


def put(count: int, url: str) -> None:
    connector = procrastinate.SyncPsycopgConnector(conninfo=target.POSTGRES)
    with app.replace_connector(connector) as sync_app, sync_app.open():
        if not connector.execute_query_one("SELECT to_regclass('procrastinate_jobs') AS found")["found"]:
            sync_app.schema_manager.apply_schema()
        sync_app.configure_task("get").batch_defer(*[{"url": url}] * count)
