"""The service and its store: what was trained once is kept, found again, and not trained once more."""

import gc

from distributed import Client

from bnviz import Record, RunConfig
from bnviz.jobs import service as service_module
from bnviz.jobs import worker
from bnviz.jobs.connection import Load
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service
from bnviz.training import train
from tests.jobs.test_service import ENDLESS, SHORT


def test_records_in_memory_are_bounded_and_read_from_store(service, wait, monkeypatch, tmp_path):
    monkeypatch.setattr(service, "store", ResultStore(str(tmp_path)))
    first = service.submit(RunConfig(seed=20, **SHORT), "me")
    wait(first)
    monkeypatch.setattr(service_module, "KEPT_BYTES", int(2.5 * first.nbytes))
    jobs = [first]
    for seed in range(21, 24):
        jobs.append(service.submit(RunConfig(seed=seed, **SHORT), "me"))
        wait(jobs[-1])
        service.find(first.key)  # in use, so it stays
    assert [service.find(job.key) is job for job in jobs] == [True, False, True, True]
    assert service.recall(first.config) is first.record()
    again = service.submit(jobs[1].config, "me")
    assert (again.state, again.started) == ("finished", None)
    assert again.record() is jobs[1].record(), "somebody holds it"
    key, content = jobs[1].key, jobs[1].record().to_bytes()
    del jobs, again
    gc.collect()
    for seed in (20, 22, 23):  # again more than are kept
        service.submit(RunConfig(seed=seed, **SHORT), "me")
    gc.collect()
    assert service.find(key) is None
    assert service.recall(RunConfig(seed=21, **SHORT)).to_bytes() == content
    assert service.recall(RunConfig(seed=99, **SHORT)) is None
    assert service.find(key) is None, "to be recalled is not to be looked at"
    back = service.submit(RunConfig(seed=21, **SHORT), "me")
    assert (back.state, back.started) == ("finished", None)
    assert back.record().to_bytes() == content, "from the store"


def test_store_serves_results_after_a_restart(service, wait, monkeypatch, tmp_path):
    monkeypatch.setattr(service, "store", ResultStore(str(tmp_path)))
    job = service.submit(RunConfig(seed=30, **SHORT), "me")
    wait(job)
    later = Service("tcp://127.0.0.1:9", ResultStore(str(tmp_path)))  # nothing can be trained there
    found = later.submit(job.config, "me")
    assert found.state == "finished"
    assert found.record().to_bytes() == job.record().to_bytes()
    later.close()


def test_queued_run_uses_result_stored_by_another_app(service, wait, until, monkeypatch, tmp_path):
    """Both apps have one store; each has a queue of its own, and its scheduler may have finished it long ago."""
    monkeypatch.setattr(service, "store", ResultStore(str(tmp_path)))
    config, another = RunConfig(seed=31, **SHORT), RunConfig(seed=32, **SHORT)
    with monkeypatch.context() as no_room:
        no_room.setattr(service.dispatcher._connection, "load", lambda: Load(2, 0, frozenset()))
        jobs = [service.submit(config, "me"), service.submit(another, "me")]
        kept = Record.from_frames(config, train(config))
        service.store.put(kept)
        assert [job.state for job in jobs] == ["queued", "queued"]
    wait(*jobs)
    assert [job.state for job in jobs] == ["finished", "finished"]
    assert (jobs[0].seconds, jobs[1].seconds is not None) == (None, True), "only the second was trained"
    assert jobs[0].record().to_bytes() == Record.from_bytes(kept.to_bytes()).to_bytes()


def test_cluster_keeps_result_until_it_is_stored(service, wait, monkeypatch, tmp_path):
    """Or another app could find it in neither, and have it trained once more."""
    monkeypatch.setattr(service, "store", ResultStore(str(tmp_path)))
    known = []
    store_record = service.dispatcher._store_record

    def store_late(record, packed):
        tasks = service.dispatcher._connection._call_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
        known.append(worker.task_key(record.config.key) in tasks)
        store_record(record, packed)

    monkeypatch.setattr(service.dispatcher, "_store_record", store_late)
    job = service.submit(RunConfig(seed=33, **SHORT), "me")
    wait(job)
    assert known == [True]
    assert service.store.get(job.config) is not None


def test_claimed_result_survives_release_by_another_app(service, until):
    """Between being told that the cluster knows a run and asking for it, another app may have stored it and be done."""
    connection = service.dispatcher._connection
    key = worker.task_key("shared")

    def ask(question):
        return connection._call_scheduler(question, key, connection._client.id)

    with Client(connection.address, set_as_default=False) as other:
        future = other.submit(int, 1, key=key, pure=False)
        assert future.result() == 1
        assert connection.claim("shared") is True
        future.release()
        assert until(lambda: ask(lambda key, _, dask_scheduler: len(dask_scheduler.tasks[key].who_wants)) == 1)
    assert ask(lambda key, _, dask_scheduler: dask_scheduler.tasks[key].state) == "memory"
    ask(lambda key, client, dask_scheduler: dask_scheduler.client_releases_keys(keys=[key], client=client))
    assert connection.claim("shared") is False


def test_store_does_not_keep_stopped_runs(service, wait, until, monkeypatch, tmp_path):
    monkeypatch.setattr(service, "store", ResultStore(str(tmp_path)))
    job = service.submit(RunConfig(seed=31, **ENDLESS), "me")
    assert until(lambda: job.step == 0)
    service.stop(job.key)
    wait(job)
    assert list(tmp_path.iterdir()) == []
