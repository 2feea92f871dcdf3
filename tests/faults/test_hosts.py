"""The engine over several hosts, and over TLS, with Dask's own commands."""

import datetime
import ipaddress
import json
import subprocess
import sys

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.generate import generate, write_zip
from tests.helpers import network_hosts
from tests.helpers.small_project import write_params

pytestmark = pytest.mark.faults

# What a client does: opens the engine at an address, and has squares computed.
CLIENT = """
import json, sys
import numpy as np
from movierec.core import program
from movierec.core.params import load_params
from movierec.engine import factory

def main():
    block = load_params(sys.argv[2]).engine
    params = block.model_copy(update={"kind": "dask", "scheduler": sys.argv[1]})
    with factory.opened(params) as opened:
        blocks = [np.arange(1000) + first for first in range(9)]
        found = [float(each) for each in opened.map(np.linalg.norm, blocks)]
        said = {"same": found == [float(np.linalg.norm(each)) for each in blocks]}
        said |= {"homes": list(opened.homes), "traffic": opened.traffic()}
        print(json.dumps(said))

program.run(main)
"""


def compute(cluster, host=0):
    """The output of a client on a host, which runs in the shared folder."""
    params = str(network_hosts.ROOT / "params.yaml")
    command = (sys.executable, "-c", CLIENT, cluster.address, params)
    said = cluster.run(*command, host=host, cwd=cluster.folder)
    return json.loads(said.splitlines()[-1])


def test_work_over_several_hosts(tmp_path):
    """A scheduler, two workers and a client, each on a separate host."""
    try:
        with network_hosts.several(4, tmp_path) as cluster:
            address = cluster.start_scheduler()
            assert address.startswith(f"tcp://{network_hosts.address_of(0)}:")
            for host in (1, 2):
                cluster.start_worker(host=host)
            wait_for_workers(cluster, 2, host=3)
            said = compute(cluster, host=3)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("this machine allows no network namespaces")
    assert said["same"]
    assert {home.split(":")[1] for home in said["homes"]} == {
        f"//{network_hosts.address_of(host)}" for host in (1, 2)
    }
    assert said["traffic"] > 0


@pytest.mark.thorough
def test_training_over_several_hosts(tmp_path):
    """The stage with workers on other hosts gives the same bytes as the local engine."""
    prepare_project(tmp_path)
    command = (sys.executable, str(network_hosts.ROOT / "stages/train.py"))
    model = tmp_path / "models/model.safetensors"
    with network_hosts.one_host(tmp_path) as cluster:
        cluster.run(*command, cwd=tmp_path)
        expected = model.read_bytes()
        model.unlink()
    try:
        with network_hosts.several(4, tmp_path) as cluster:
            cluster.start_scheduler()
            for host in (1, 2):
                cluster.start_worker(host=host)
            wait_for_workers(cluster, 2, host=3)
            set_engine(tmp_path, kind="dask", scheduler=cluster.address, block_ratings=500)
            said = cluster.run(*command, host=3, cwd=tmp_path)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("this machine allows no network namespaces")
    assert " sent" in said
    assert model.read_bytes() == expected


def prepare_project(folder):
    """A folder in which index and split have run."""
    write_zip(generate(3000), folder / "films.zip", name="films")
    write_params(folder, folder / "films.zip", train={"n_factors": 4, "max_epochs": 3})
    datasets = yaml.safe_load((folder / "datasets.yaml").read_text("utf-8"))
    datasets["local"]["folder"] = "films"
    (folder / "datasets.yaml").write_text(yaml.safe_dump(datasets), "utf-8")
    with network_hosts.one_host(folder) as cluster:
        for stage in ("download", "index", "split"):
            cluster.run(sys.executable, str(network_hosts.ROOT / f"stages/{stage}.py"), cwd=folder)


def set_engine(folder, **settings):
    params = yaml.safe_load((folder / "params.yaml").read_text("utf-8"))
    params["engine"] |= settings
    (folder / "params.yaml").write_text(yaml.safe_dump(params), "utf-8")


def wait_for_workers(cluster, number, host=0):
    code = "import sys, distributed; distributed.Client(sys.argv[1]).wait_for_workers("
    cluster.run(sys.executable, "-c", f"{code}{number}, timeout=20)", cluster.address, host=host)


# TLS


def sign(name, folder, authority=None):
    """Write name.pem, a certificate for loopback, and name.key; signed by itself if by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, signer = authority or (subject, key)
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now - datetime.timedelta(1))
    builder = builder.not_valid_after(now + datetime.timedelta(1))
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = builder.add_extension(loopback, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(authority is None, None), critical=True)
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}.pem").write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(pem))
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, *private))
    return subject, key


def certificates(folder):
    """Dask's configuration, as environment variables: an authority, and one certificate for all."""
    folder.mkdir()
    sign("node", folder, sign("authority", folder))
    prefix = "DASK_DISTRIBUTED__COMM__"
    found = {f"{prefix}REQUIRE_ENCRYPTION": "true"}
    found[f"{prefix}TLS__CA_FILE"] = str(folder / "authority.pem")
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        found[f"{prefix}TLS__{role}__CERT"] = str(folder / "node.pem")
        found[f"{prefix}TLS__{role}__KEY"] = str(folder / "node.key")
    return found


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A scheduler and a worker that require certificates of their authority."""
    folder = tmp_path_factory.mktemp("tls")
    with network_hosts.one_host(folder, **certificates(folder / "ours")) as cluster:
        address = cluster.start_scheduler("--host", "127.0.0.1", "--protocol", "tls")
        assert address.startswith("tls://127.0.0.1:")
        cluster.start_worker("--protocol", "tls")
        yield cluster


def test_work_over_tls(secured):
    said = compute(secured)
    assert said["same"]
    assert said["homes"][0].startswith("tls://127.0.0.1:")


def refusal(secured, address, **environment):
    """The error line of a client with another configuration."""
    command = (sys.executable, "-c", CLIENT, address, str(network_hosts.ROOT / "params.yaml"))
    other = network_hosts.Hosts(secured.folder, environment=environment)
    line = other.run(*command, cwd=secured.folder, fails=True)
    assert line.startswith("error: engine.scheduler: ")
    assert line.count("\n") == 1, line
    return line


def test_a_client_without_certificates(secured):
    assert f"{secured.address} needs certificates" in refusal(secured, secured.address)


def test_a_client_with_certificates_of_another_authority(secured, tmp_path):
    line = refusal(secured, secured.address, **certificates(tmp_path / "theirs"))
    assert f"{secured.address} closes the connection: use tls://" in line


def test_a_client_that_speaks_plainly(secured):
    address = secured.address.replace("tls://", "tcp://")
    assert f"{address} closes the connection: use tls://" in refusal(secured, address)
