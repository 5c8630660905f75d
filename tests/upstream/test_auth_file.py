"""Where docker and podman keep who is logged in."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from metahub.core.distribution import ImageName
from metahub.upstream import AuthFiles, UpstreamError
from metahub.upstream.credential_store import CredentialStore
from metahub.upstream.login import Login
from tests.upstream.registries import auth_file

IMAGES = {
    "hub": ImageName("docker.io", "qnib/bench"),
    "ghcr": ImageName("ghcr.io", "a/b/c"),
    "local": ImageName("localhost:5000", "bench"),
}


def encoded(text: str) -> dict[str, str]:
    """A login as the files have it."""
    return {"auth": base64.b64encode(text.encode()).decode()}


def login(file: Path, image: str = "hub") -> Login | None:
    """The login that a file has for an image."""
    return AuthFiles((file,)).login(IMAGES[image])


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which credential helpers are looked for, before all others."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return directory


def install(programs: Path, name: str, script: str) -> None:
    """A credential helper."""
    program = programs / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("key", "image"),
    [
        ("https://index.docker.io/v1/", "hub"),
        ("index.docker.io", "hub"),
        ("registry-1.docker.io", "hub"),
        ("docker.io", "hub"),
        ("docker.io/qnib", "hub"),
        ("docker.io/qnib/bench", "hub"),
        ("ghcr.io", "ghcr"),
        ("https://ghcr.io/v2/", "ghcr"),
        ("ghcr.io/a/b", "ghcr"),
        ("localhost:5000", "local"),
        ("http://localhost:5000", "local"),
    ],
)
def test_a_login_is_found_under_each_name_of_its_registry(
    tmp_path: Path, key: str, image: str
) -> None:
    """As docker spells them, and as podman does."""
    found = login(auth_file(tmp_path, {"auths": {key: encoded("u:p:q")}}), image)
    assert found == Login("u", "p:q", kept_in=str(tmp_path / "config.json"))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"auths": {}},
        {"auths": []},
        {"auths": {"docker.io": {}}},
        {"auths": {"docker.io": "x"}},
        {"auths": {"ghcr.io": encoded("u:p")}},
        {"auths": {"docker.io/other": encoded("u:p"), "docker.io/qni": encoded("u:p")}},
        {"credHelpers": {"ghcr.io": "none"}},
        [],
    ],
)
def test_a_login_for_something_else_is_none(tmp_path: Path, fields: dict[str, object]) -> None:
    """It is shown to nobody else."""
    assert login(auth_file(tmp_path, fields)) is None


def test_the_longest_name_goes_first(tmp_path: Path) -> None:
    """A login for a part of a registry is closer than one for all of it."""
    auths = {"ghcr.io": encoded("a:1"), "ghcr.io/a/b": encoded("b:2"), "ghcr.io/a": encoded("c:3")}
    found = login(auth_file(tmp_path, {"auths": auths}), "ghcr")
    assert found == Login("b", "2", kept_in=str(tmp_path / "config.json"))


def test_a_token_may_stand_for_a_password(tmp_path: Path) -> None:
    """With the user or without."""
    file = auth_file(tmp_path, {"auths": {"docker.io": {"identitytoken": "t"}}})
    assert login(file) == Login("", identity_token="t", kept_in=str(file))
    both = encoded("u:") | {"identitytoken": "t"}
    file = auth_file(tmp_path, {"auths": {"docker.io": both}})
    assert login(file) == Login("u", "", "t", str(file))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "cannot be read: it is no JSON"),
        (b"\xff", "cannot be read: it is no JSON"),
        (b"[" * 100_000, "cannot be read: it is no JSON"),
        (
            b'{"auths": {"docker.io": {"auth": "secret!"}}}',
            "auths: docker.io: auth: expected base64 of user:password",
        ),
        (
            b'{"auths": {"docker.io": {"auth": "c2VjcmV0"}}}',
            "auths: docker.io: auth: expected base64 of user:password",
        ),
        (
            b'{"auths": {"docker.io": {"auth": "/////w=="}}}',
            "auths: docker.io: auth: expected base64 of user:password",
        ),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    """In which nothing of the file's content is."""
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with pytest.raises(UpstreamError) as caught:
        login(file)
    assert str(caught.value).startswith(str(file))
    assert str(caught.value)[len(str(file)) :].lstrip(": ") == said


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """One that is not there is nobody's mistake."""
    assert login(tmp_path / "nowhere.json") is None
    with pytest.raises(UpstreamError) as caught:
        login(tmp_path)
    assert str(caught.value) == f"{tmp_path} cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("environment", "files"),
    [
        ({}, ["/run/containers/7/auth.json", "/home/me/.docker/config.json"]),
        (
            {"XDG_RUNTIME_DIR": "/run/user/7"},
            ["/run/user/7/containers/auth.json", "/home/me/.docker/config.json"],
        ),
        ({"DOCKER_CONFIG": "/d"}, ["/d/config.json", "/run/containers/7/auth.json"]),
        (
            {"REGISTRY_AUTH_FILE": "/r.json", "DOCKER_CONFIG": "/d", "XDG_RUNTIME_DIR": ""},
            ["/r.json", "/d/config.json", "/run/containers/7/auth.json"],
        ),
    ],
)
def test_the_files_are_where_docker_and_podman_have_them(
    environment: Mapping[str, str], files: list[str]
) -> None:
    """What the environment names goes first."""
    found = AuthFiles.of(environment, Path("/home/me"), 7)
    assert [str(path) for path in found.paths] == files


def test_the_first_file_with_a_login_is_taken(tmp_path: Path) -> None:
    """One without is passed over."""
    files = []
    for name, key in (("a", "ghcr.io"), ("b", "docker.io"), ("c", "docker.io")):
        (tmp_path / name).mkdir()
        auths = {key: encoded(f"{name}:secret")}
        files.append(auth_file(tmp_path / name, {"auths": auths}))
    found = AuthFiles(tuple(files)).login(IMAGES["hub"])
    assert found == Login("b", "secret", kept_in=str(files[1]))


def test_a_login_does_not_print(tmp_path: Path) -> None:
    """Neither its user nor its password."""
    file = auth_file(tmp_path, {"auths": {"docker.io": encoded("someone:secret")}})
    assert repr(login(file)) == f"Login(kept_in={str(file)!r})"


@pytest.mark.parametrize(
    ("fields", "image", "server"),
    [
        ({"credsStore": "mine"}, "hub", "https://index.docker.io/v1/"),
        ({"credsStore": "mine"}, "local", "localhost:5000"),
        ({"credHelpers": {"ghcr.io": "mine"}}, "ghcr", "ghcr.io"),
        ({"credsStore": "other", "credHelpers": {"ghcr.io": "mine"}}, "ghcr", "ghcr.io"),
    ],
)
def test_a_credential_helper_is_asked_for_the_server(
    tmp_path: Path, programs: Path, fields: dict[str, object], image: str, server: str
) -> None:
    """In docker's words, on its stdin."""
    answer = json.dumps({"ServerURL": "", "Username": "u", "Secret": "p"})
    install(programs, "mine", f"""[ "$1" = get ] && cat > {tmp_path}/asked; echo '{answer}'""")
    file = auth_file(tmp_path, fields)
    kept_in = f"docker-credential-mine, which {file} names,"
    assert login(file, image) == Login("u", "p", kept_in=kept_in)
    assert (tmp_path / "asked").read_text() == server


def test_a_credential_helper_may_have_a_token(tmp_path: Path, programs: Path) -> None:
    """For which docker has a user of its own."""
    install(programs, "mine", """echo '{"Username": "<token>", "Secret": "t"}'""")
    found = login(auth_file(tmp_path, {"credsStore": "mine"}))
    assert found is not None
    assert (found.user, found.password, found.identity_token) == ("", "", "t")


@pytest.mark.parametrize(
    "script",
    [
        "echo 'credentials not found in native keychain'; exit 1",
        """echo '{"Username": "", "Secret": ""}'""",
    ],
)
def test_without_a_login_there_the_file_itself_is_asked(
    tmp_path: Path, programs: Path, script: str
) -> None:
    """What docker calls an error is none."""
    install(programs, "mine", script)
    fields = {"credsStore": "mine", "auths": {"docker.io": encoded("u:p")}}
    found = login(auth_file(tmp_path, fields))
    assert found is not None
    assert found.user == "u"


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        ("mine", "echo secret; echo secret >&2; exit 3", "{mine} ended with exit code 3"),
        (
            "mine",
            "echo secret",
            "{mine} printed something else than JSON with Username and Secret",
        ),
        (
            "mine",
            "echo '[]'",
            "{mine} printed something else than JSON with Username and Secret",
        ),
        ("none", "", "{file} names 'docker-credential-none', which is not installed"),
        ("../sh", "", "{file} names 'docker-credential-../sh', which is not installed"),
        ("broken", "", "docker-credential-broken, which {file} names, cannot be started: {why}"),
    ],
)
def test_a_credential_helper_that_fails_is_one_sentence(
    tmp_path: Path, programs: Path, name: str, script: str, said: str
) -> None:
    """In which nothing is that it printed."""
    install(programs, "mine", script)
    install(programs, "broken", "")
    (programs / "docker-credential-broken").write_text("#!/no/such/shell\n")
    file = auth_file(tmp_path, {"credsStore": name})
    with pytest.raises(UpstreamError) as caught:
        login(file)
    mine = f"docker-credential-mine, which {file} names,"
    assert str(caught.value) == said.format(mine=mine, file=file, why="No such file or directory")


def test_a_credential_helper_has_its_time(programs: Path) -> None:
    """It may ask a person for something, but there need be none."""
    install(programs, "mine", "exec sleep 5")
    with pytest.raises(UpstreamError) as caught:
        CredentialStore("mine", "a file", seconds=0.05).login("ghcr.io")
    said = "docker-credential-mine, which a file names, said nothing for 0.05 seconds"
    assert str(caught.value) == said
