"""The Docker SDK for Python in front of one engine: docker-py.py SOCKET. Prints nothing and exits with 0 when all holds."""

import io
import sys
import tarfile
import threading

import docker

client = docker.DockerClient(base_url="unix://" + sys.argv[1], version="auto")
NONE = {"network_mode": "none"}


def sleeper(**options):
    return client.containers.run("busybox", ["sleep", "1000"], detach=True, **NONE, **options)


def test_run_and_errors():
    assert client.containers.run("busybox", ["echo", "hi"], remove=True, **NONE) == b"hi\n"
    try:
        client.containers.run("busybox", ["sh", "-c", "echo wrong >&2; exit 3"], remove=True, **NONE)
        raise AssertionError("no error")
    except docker.errors.ContainerError as error:
        assert error.exit_status == 3 and error.stderr == b"wrong\n", error
    try:
        client.containers.get("nosuch")
        raise AssertionError("no error")
    except docker.errors.NotFound as error:
        assert error.explanation == "No such container: nosuch", error.explanation


def test_exec():
    container = sleeper()
    code, output = container.exec_run(["sh", "-c", "echo out; exit 4"])
    assert (code, output) == (4, b"out\n"), (code, output)
    # Output that is there at once: read beneath the buffer of the HTTP library.
    for _ in range(20):
        sock = container.exec_run(["echo", "hello"], socket=True).output
        received = b""
        while chunk := sock.read(4096):
            received += chunk
        assert received == b"\x01\0\0\0\0\0\0\x06hello\n", received
    stdout, stderr = container.exec_run(["sh", "-c", "echo o; echo e >&2"], demux=True).output
    assert (stdout, stderr) == (b"o\n", b"e\n")
    chunks = container.exec_run(["sh", "-c", "echo 1; echo 2"], stream=True).output
    assert b"".join(chunks) == b"1\n2\n"
    container.remove(force=True)


def test_attach_socket():
    container = client.containers.create("busybox", ["cat"], stdin_open=True, **NONE)
    sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    sock._sock.sendall(b"typed\n")
    assert sock.read(14) == b"\x01\0\0\0\0\0\0\x06typed\n"
    sock.close()
    container.remove(force=True)


def test_logs():
    container = client.containers.run("busybox", ["sh", "-c", "echo a; echo b"], detach=True, **NONE)
    assert container.wait()["StatusCode"] == 0
    assert container.logs() == b"a\nb\n"
    assert container.logs(tail=1) == b"b\n"
    assert b"".join(container.logs(stream=True, follow=True)) == b"a\nb\n"
    container.remove()


def test_life():
    container = sleeper(name="py", labels={"a": "b"}, mem_limit="64m", environment={"X": "1"})
    assert [c.name for c in client.containers.list(filters={"label": "a=b"})] == ["py"]
    assert container.attrs["HostConfig"]["Memory"] == 64 * 1024 * 1024
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.rename("renamed")
    assert client.containers.get("renamed").id == container.id
    assert container.top()["Titles"][0] == "UID"
    assert container.stats(stream=False)["id"] == container.id
    container.stop(timeout=0)
    container.reload()
    assert container.status == "exited" and container.attrs["State"]["ExitCode"] == 137
    container.remove()


def test_files():
    container = sleeper()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("file")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"12345"))
    assert container.put_archive("/tmp", data.getvalue())
    chunks, stat = container.get_archive("/tmp/file")
    assert stat["name"] == "file" and stat["size"] == 5, stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        assert archive.extractfile("file").read() == b"12345"
    assert {"Path": "/tmp/file", "Kind": 1} in container.diff()
    container.remove(force=True)


def test_images():
    image = client.images.get("busybox")
    assert image.tag("py/tool", "1")
    assert "py/tool:1" in client.images.get(image.id).tags
    saved = b"".join(image.save(named=True))
    client.images.remove("py/tool:1")
    assert client.images.load(saved)[0].id == image.id
    try:
        client.images.get("nosuch")
        raise AssertionError("no error")
    except docker.errors.ImageNotFound:
        pass


def test_events():
    seen = []
    events = client.events(decode=True, filters={"type": "container"})
    reader = threading.Thread(target=lambda: seen.extend(next(events) for _ in range(2)))
    reader.start()
    container = client.containers.run("busybox", ["true"], detach=True, **NONE)
    reader.join(30)
    events.close()
    assert [event["Action"] for event in seen] == ["create", "start"], seen
    container.wait()
    container.remove()


def test_engine():
    assert client.ping()
    assert client.info()["OSType"] == "linux"
    assert client.version()["Os"] == "linux"
    assert {"host", "none"} <= {network.name for network in client.networks.list()}
    volume = client.volumes.create("py")
    assert client.volumes.get("py").attrs["Driver"] == "local"
    volume.remove()
    assert client.df()["Images"]


for name, test in list(globals().items()):
    if name.startswith("test_"):
        try:
            test()
        except Exception as error:
            raise RuntimeError(name) from error
