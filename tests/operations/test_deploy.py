"""The example files for several machines, checked as far as can be without an engine or nginx: against the product."""

import importlib.util
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from crm import import_files, personal_data_files
from crm.settings import Settings
from operations.cli import app
from operations.processes import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] in ("trian", "trian-nlu")}
CONTAINERFILES = ("Containerfile", "Containerfile.nlu")
HOME = "/srv/trian"


def nginx() -> list[Any]:
    """nginx.conf as a tree: a directive is its words, a block is (words, its content). Fails on unmatched braces."""
    text = re.sub(r"(?m)(^|\s)#.*$", "", (DEPLOY / "nginx.conf").read_text(encoding="utf-8"))
    words: list[str] = []
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"'[^']*'|\"[^\"]*\"|[{};]|[^\s{};]+", text):
        if token == "{":
            block: list[Any] = []
            stack[-1].append((words, block))
            stack.append(block)
            words = []
        elif token == "}":
            assert not words, f"no ; after {words}"
            stack.pop()
        elif token == ";":
            stack[-1].append(words)
            words = []
        else:
            words.append(token)
    assert len(stack) == 1
    assert not words
    return stack[0]


def upstreams() -> dict[str, list[str]]:
    return {
        block[0][1]: [line[1] for line in block[1] if line[0] == "server"]
        for block in nginx()
        if isinstance(block, tuple) and block[0][0] == "upstream"
    }


def directives(tree: list[Any], name: str) -> list[list[str]]:
    """Every directive `name`, wherever it stands."""
    found = []
    for entry in tree:
        if isinstance(entry, tuple):
            found += directives(entry[1], name)
        elif entry[0] == name:
            found.append(entry)
    return found


@pytest.mark.parametrize("name", OURS)
def test_each_service_runs_something_that_exists(name: str) -> None:
    command = OURS[name]["command"]
    assert command[:2] == ["python", "-m"]
    module = command[2]
    assert importlib.util.find_spec(module), module
    image = (DEPLOY / Path(OURS[name]["build"]["dockerfile"]).name).read_text(encoding="utf-8")
    assert re.search(rf"^COPY {module.partition('.')[0]} ", image, re.MULTILINE), f"{module} is not in the image"
    if module == "operations":
        assert command[3] in {c.name or c.callback.__name__ for c in app.registered_commands}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_a_setting(name: str) -> None:
    known = {f"TRIAN_{field.upper()}" for field in Settings.model_fields}
    assert set(OURS[name]["environment"]) <= known


@pytest.mark.parametrize("name", [name for name in OURS if "rasa" in name or name == "train"])
def test_rasas_room_is_not_given_the_customers_database(name: str) -> None:
    assert "TRIAN_DATABASE_URL" not in OURS[name]["environment"]
    assert "POSTGRES_PASSWORD" not in str(OURS[name]["environment"])


def test_the_settings_are_accepted_and_name_services_at_their_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")  # no .env
    given = dict(OURS["bot-1"]["environment"])
    given = {name: re.sub(r"\$\{(\w+):\?\}", "0123456789abcdef", value) for name, value in given.items()}
    chosen = Settings(**{name.removeprefix("TRIAN_").lower(): value for name, value in given.items()})
    assert chosen.rasa_urls == ["http://rasa-1:5005", "http://rasa-2:5005"]
    assert chosen.telegram_mode == "webhook"
    for name in ("database_url", "tracker_url", "lock_url"):
        assert re.search(r"@(\w+):\d+/", getattr(chosen, name))[1] in SERVICES  # type: ignore[index]
    for url in [*chosen.rasa_urls, *chosen.actions_url.split(",")]:
        service, port = re.match(r"http://([\w-]+):(\d+)", url).groups()  # type: ignore[union-attr]
        assert port in SERVICES[service]["command"], f"{service} does not listen on {port}"
    assert chosen.webhook_port == int(upstreams()["trian_bots"][0].split(":")[1])


def test_there_are_two_of_everything() -> None:
    for name in ("rasa", "actions", "bot", "scheduler", "console"):
        one, two = SERVICES[f"{name}-1"], SERVICES[f"{name}-2"]
        assert one == two


def test_what_is_mounted_copied_and_waited_for_exists() -> None:
    volumes = yaml.safe_load(COMPOSE)["volumes"]
    for name, service in SERVICES.items():
        for mount in service.get("volumes", ()):
            source = mount.rsplit(":", 2 if mount.endswith(":ro") else 1)[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists(), source
            else:
                assert source.startswith("${") or source in volumes, source
        assert set(service.get("depends_on", ())) <= SERVICES.keys(), name
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", CONTAINERFILES)
def test_the_images_are_built_of_what_is_there(name: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    lines = (DEPLOY / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in shlex.split(line)[1:-1]:
                assert (ROOT / source).exists(), source
                assert source not in ignored, source
    assert f"WORKDIR {HOME}" in lines
    assert "USER trian" in lines, "nothing runs as root"
    for mount in OURS["bot-1"]["volumes"]:
        assert re.search(rf"mkdir -p .*\b{Path(mount.split(':')[1]).name}\b", "\n".join(lines)), mount


def test_no_secret_gets_into_an_image_or_stands_in_the_file() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".env", "var", ".git"} <= set(ignored)
    for name, value in re.findall(r"(\w*(?:PASSWORD|SECRET|TOKEN)\w*): (\S+)", COMPOSE):
        assert value.startswith("${"), name
    assert re.findall(r"://[^\s$]*:[^\s$@/]+@", COMPOSE) == []


def test_nginx_leads_to_services_at_their_ports() -> None:
    for servers in upstreams().values():
        for server in servers:
            service, port = server.split(":")
            environment = OURS[service]["environment"]
            assert port in (environment["TRIAN_WEBHOOK_PORT"], environment["TRIAN_CONSOLE_PORT"])
            if service.startswith("console"):
                assert port in OURS[service]["command"]
    passed = {line[1].removeprefix("http://") for line in directives(nginx(), "proxy_pass")}
    assert passed == upstreams().keys()
    published = {port.split(":")[1] for port in SERVICES["nginx"]["ports"]}
    assert published == {line[1] for line in directives(nginx(), "listen")}
    mounted = SERVICES["nginx"]["volumes"][1].split(":")[-2]
    files = directives(nginx(), "ssl_certificate") + directives(nginx(), "ssl_certificate_key")
    assert files
    assert all(line[1].startswith(mounted) for line in files)


def test_nginx_knows_the_webhooks_path_and_takes_what_the_bot_takes() -> None:
    from bot import webhook

    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert f"location = {webhook.PATH} {{" in text
    smallest = min(int(line[1].removesuffix("m")) for line in directives(nginx(), "client_max_body_size"))
    assert smallest * 1024 * 1024 >= webhook.MAX_BODY_BYTES


def test_every_variable_that_nginx_reads_is_its_own_or_set_here() -> None:
    own = {"host", "request_uri", "remote_addr", "scheme", "http_upgrade"}
    tree = nginx()
    maps = {block[0][2].removeprefix("$") for block in tree if isinstance(block, tuple) and block[0][0] == "map"}
    used = set(re.findall(r"\$(\w+)", str(tree)))
    assert used == own | maps


def test_the_databases_script_can_be_run_and_makes_what_the_settings_name() -> None:
    script = DEPLOY / "postgres-init.sh"
    assert os.access(script, os.X_OK)
    tracker = OURS["rasa-1"]["environment"]["TRIAN_TRACKER_URL"]
    role, database = re.match(r"postgresql://(\w+):.*/(\w+)$", tracker).groups()  # type: ignore[union-attr]
    assert f"CREATE DATABASE {database} OWNER {role};" in script.read_text(encoding="utf-8")
    assert "TRACKER_PASSWORD" in SERVICES["postgres"]["environment"]


def test_the_folders_that_processes_of_several_machines_share_are_named() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [section] = re.findall(r"(?ms)^## More than one machine$.*?(?=^## )", text)
    for name in {*personal_data_files.FOLDERS, import_files.directory().name}:
        assert f"| `var/{name}`" in section, name
