"""Celery with a message for each request, acknowledged early, no results: nothing is kept but in the broker."""

from celery import Celery

from benchmarks.peers import target

app = Celery("plain", broker=f"{target.REDIS}/2")
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)


@app.task(name="get")
def get(url: str) -> None:
    target.get(url)


def put(count: int, url: str) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            get.apply_async((url,), producer=producer)
