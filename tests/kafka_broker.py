"""A real Apache Kafka for tests: one broker for the whole run, and clusters of several for what kills brokers.

Run as a program it is the broker's guard: it starts Java, and ends it when asked to or when the run is gone.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import NewTopic as NewTopic  # pyright: ignore[reportPrivateImportUsage]  # documented
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.fetch_kafka import ADVICE, find_jars

FOLDER = "TEST_KAFKA_FOLDER"  # where the processes of a run share their broker
JVM = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
READY_WITHIN = 90.0
SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "log.index.size.max.bytes": "102400",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.io.buffer.size": "65536",
    "num.io.threads": "4",
    "num.network.threads": "2",
}


USER, PASSWORD = "desk", "only-for-tests"
SECURE = {
    "ssl.keystore.type": "PEM",
    "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.secure.plain.sasl.jaas.config": (
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    ),
}


class NoKafka(Exception):
    """The tests' broker can't run here."""


@dataclass(frozen=True, slots=True)
class Node:
    number: int
    port: int
    controller_port: int
    secure_port: int  # TLS and a password; on the first node only
    folder: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def _reached_by(self) -> str:
        secure = f",SECURE://127.0.0.1:{self.secure_port}" if self.secure_port else ""
        return f"PLAINTEXT://{self.address}{secure}"

    def write_settings(self, nodes: Sequence[Node]) -> Path:
        copies = min(3, len(nodes))
        self.folder.mkdir(parents=True, exist_ok=True)
        own: dict[str, object] = {
            "node.id": self.number,
            "controller.quorum.voters": ",".join(f"{node.number}@127.0.0.1:{node.controller_port}" for node in nodes),
            "listeners": f"{self._reached_by},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": self._reached_by,
            "log.dirs": self.folder / "logs",
            **{
                f"{topic}.replication.factor": copies
                for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
            },
            "transaction.state.log.min.isr": max(1, copies - 1),
            "share.coordinator.state.topic.min.isr": max(1, copies - 1),
            "min.insync.replicas": max(1, copies - 1),
            "default.replication.factor": copies,
        }
        if self.secure_port:
            own |= SECURE | {"ssl.keystore.location": self.folder / "keys.pem"}
            _make_certificate(self.folder / "keys.pem", self.certificate)
        file = self.folder / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in (SETTINGS | own).items()), "utf-8")
        return file


def _make_certificate(keys: Path, certificate: Path) -> None:
    """A key with a certificate that it signs itself, and the certificate by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    unsealed = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    keys.write_bytes(key.private_bytes(serialization.Encoding.PEM, *unsealed) + made)
    certificate.write_bytes(made)


def java(*arguments: str) -> list[str]:
    """The command that runs one of Kafka's classes.

    Raises:
        NoKafka: Java or the jars are missing.
    """
    program, jars = shutil.which("java"), find_jars()
    if program is None or jars is None:
        raise NoKafka(f"{'Java is' if program is None else 'The jars of Kafka are'} missing: run `make test`. {ADVICE}")
    return [program, *JVM, "-cp", f"{jars}/*", *arguments]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """Brokers of our own: started, killed and started again by number."""

    def __init__(self, folder: Path, count: int = 1, *, secure: bool = False) -> None:
        ports = free_ports(2 * count + 1)
        self.nodes = [
            Node(
                number=n + 1,
                port=ports[2 * n],
                controller_port=ports[2 * n + 1],
                secure_port=ports[-1] if secure and n == 0 else 0,
                folder=folder / f"node-{n + 1}",
            )
            for n in range(count)
        ]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.nodes)

    def start(self) -> None:
        """Format and start every node, and wait until a topic can be made."""
        formatting = [
            self._spawn(
                node,
                *("kafka.tools.StorageTool", "format", "-t", self._cluster_id),
                *("-c", str(node.write_settings(self.nodes))),
            )
            for node in self.nodes
        ]
        for node, process in zip(self.nodes, formatting, strict=True):
            if process.wait(READY_WITHIN) != 0:
                raise NoKafka(f"Kafka's storage tool failed: {self._said(node)}")
        for node in self.nodes:
            self.start_node(node.number)
        self._wait_until_ready()

    def start_node(self, number: int) -> None:
        node = self.nodes[number - 1]
        self._processes[number] = self._spawn(node, "kafka.Kafka", str(node.folder / "server.properties"))

    def kill_node(self, number: int, how: signal.Signals = signal.SIGKILL) -> None:
        process = self._processes.pop(number)
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()  # nobody reads their files again
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def _spawn(self, node: Node, *arguments: str) -> subprocess.Popen[bytes]:
        command = java(*arguments)
        with (node.folder / "output").open("ab") as output:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=node.folder
            )

    def _said(self, node: Node) -> str:
        return (node.folder / "output").read_text("utf-8", "replace")[-1_000:]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        admin: Any = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        topic = NewTopic("ready", 1, len(self.nodes))
        while True:
            try:
                admin.create_topics([topic], operation_timeout=5, request_timeout=5)["ready"].result(10)
            except (KafkaException, TimeoutError) as error:
                if "already exists" in str(error):
                    return  # an earlier try, whose answer was lost
                ended = [n for n, process in self._processes.items() if process.poll() is not None]
                if ended or time.monotonic() > deadline:
                    said = self._said(self.nodes[(ended or [1])[0] - 1])
                    raise NoKafka(f"Kafka did not start ({error}): {said}") from error
                time.sleep(0.1)
            else:
                return


@contextmanager
def cluster(count: int, *, secure: bool = False) -> Generator[Cluster]:
    """A cluster for the time of the block, its files in memory where that is plentiful."""
    memory = Path("/dev/shm")
    plenty = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4_000_000_000
    with tempfile.TemporaryDirectory(prefix="deskhand-kafka-", dir=memory if plenty else None) as folder:
        brokers = Cluster(Path(folder), count, secure=secure)
        try:
            brokers.start()
            yield brokers
        finally:
            brokers.stop()


@dataclass(frozen=True, slots=True)
class Shared:
    """The run's broker: plainly, and by TLS with a name and a password."""

    bootstrap: str
    secure: str
    certificate: Path


def shared_bootstrap() -> str:
    """The address of the run's broker; KAFKA_BOOTSTRAP names another.

    Raises:
        NoKafka: it can't be started; the message says what to do.
    """
    return os.environ.get("KAFKA_BOOTSTRAP") or shared_broker().bootstrap


def shared_broker() -> Shared:
    """The run's broker, which the first test to ask starts.

    Raises:
        NoKafka: it can't be started; the message says what to do.
    """
    folder = Path(os.environ[FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = folder / "broker.json"
        if not answer.exists():
            _start_guard(folder, answer)
        said: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if "fault" in said:
        raise NoKafka(said["fault"])
    return Shared(said["bootstrap"], said["secure"], Path(said["certificate"]))


def _start_guard(folder: Path, answer: Path) -> None:
    java()  # a clear message before anything starts
    with (folder / "guard").open("wb") as output:
        guard = subprocess.Popen(
            [sys.executable, "-m", "tests.kafka_broker", str(answer), os.environ["TEST_KAFKA_LEADER"]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=Path(__file__).parents[1],
        )
    while not answer.exists() and guard.poll() is None:
        time.sleep(0.05)
    if not answer.exists():
        raise NoKafka((folder / "guard").read_text("utf-8", "replace")[-1_000:])
    guard.returncode = 0  # it outlives this process: whoever leads the run ends it


@contextmanager
def shared_folder() -> Generator[None]:
    """In the process that leads a run: a place for its broker, and the broker's end."""
    with tempfile.TemporaryDirectory(prefix="deskhand-test-kafka-") as folder:
        os.environ[FOLDER], os.environ["TEST_KAFKA_LEADER"] = folder, str(os.getpid())
        try:
            yield
        finally:
            answer = Path(folder) / "broker.json"
            if answer.exists() and (guard := json.loads(answer.read_text("utf-8")).get("guard")):
                _end(int(guard))


def _end(guard: int) -> None:
    try:
        os.kill(guard, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            os.kill(guard, 0)
            time.sleep(0.05)
    except ProcessLookupError:
        return


def _guard(answer: Path, leader: int) -> None:
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    half = answer.with_suffix(".half")
    try:
        with cluster(1, secure=True) as broker:
            [node] = broker.nodes
            told = {
                "bootstrap": broker.bootstrap,
                "secure": f"127.0.0.1:{node.secure_port}",
                "certificate": str(node.certificate),
                "guard": os.getpid(),
            }
            half.write_text(json.dumps(told), "utf-8")
            half.rename(answer)
            while not ended and os.path.exists(f"/proc/{leader}" if sys.platform == "linux" else "/"):  # noqa: PTH110
                time.sleep(0.2)
    except NoKafka as fault:
        half.write_text(json.dumps({"fault": str(fault)}), "utf-8")
        half.rename(answer)


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), int(sys.argv[2]))
