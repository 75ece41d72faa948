"""What the provider says of itself, and what is done with it."""

import json
from collections.abc import Iterator

import pytest

from booper.identity.client import CodeRefused, ProviderFailed
from booper.identity.provider import Provider
from tests import oidc_provider

BACK = "https://booper.example.com/sign-in/provider/done"


@pytest.fixture
def served() -> Iterator[oidc_provider.Provider]:
    with oidc_provider.serving() as served:
        yield served


def sign_in(served: oidc_provider.Provider, provider: Provider | None = None) -> str:
    """The subject."""
    provider = provider or Provider(served.client())
    address = provider.authorization_url(redirect_uri=BACK, state="s", nonce="n", verifier="v" * 43)
    served.back(address)
    code = f"code-{len(served.codes) - 1}"
    return provider.person(code=code, verifier="v" * 43, nonce="n", redirect_uri=BACK).subject


def test_a_slash_at_the_end_of_the_issuer_makes_no_difference(served: oidc_provider.Provider) -> None:
    served.said = {"issuer": f"{served.issuer}/"}
    served.changes = {"iss": f"{served.issuer}/"}
    for issuer in (served.issuer, f"{served.issuer}/"):
        provider = Provider(served.client(issuer=issuer))
        assert sign_in(served, provider) == "ada-0815"
        assert provider.problem() is None


@pytest.mark.parametrize("issuer", ["https://another.example", None, 7, "http://127.0.0.1:1"])
def test_one_that_calls_itself_otherwise_is_not_believed(served: oidc_provider.Provider, issuer: object) -> None:
    served.said = {"issuer": issuer}
    with pytest.raises(ProviderFailed, match="BOOPER_OIDC_ISSUER"):
        sign_in(served)
    assert "BOOPER_OIDC_ISSUER" in str(Provider(served.client()).problem())


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize("url", ["http://id.example.com/", "file:///etc/passwd", None, 7, ["https://a.example"]])
def test_what_is_no_https_is_not_asked(served: oidc_provider.Provider, name: str, url: object) -> None:
    served.said = {name: url}
    with pytest.raises(ProviderFailed, match=f"{name} is no https"):
        sign_in(served)


def test_a_query_of_the_address_stays(served: oidc_provider.Provider) -> None:
    served.said = {"authorization_endpoint": f"{served.issuer}/authorization?tenant=a"}
    address = Provider(served.client()).authorization_url(redirect_uri=BACK, state="s", nonce="n", verifier="v")
    assert "/authorization?tenant=a&response_type=code&" in address


def test_a_secret_goes_in_the_form_where_no_header_is_taken(served: oidc_provider.Provider) -> None:
    served.said = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert sign_in(served) == "ada-0815"
    assert served.forms[0]["client_secret"] == oidc_provider.CLIENT_SECRET


def test_a_code_of_another_verifier_is_refused(served: oidc_provider.Provider) -> None:
    provider = Provider(served.client())
    served.back(provider.authorization_url(redirect_uri=BACK, state="s", nonce="n", verifier="v" * 43))
    with pytest.raises(CodeRefused):
        provider.person(code="code-0", verifier="w" * 43, nonce="n", redirect_uri=BACK)


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
@pytest.mark.parametrize("has_kid", [True, False])
def test_algorithms_with_two_keys_are_taken_and_keys_without_an_id(
    served: oidc_provider.Provider, algorithm: str, has_kid: bool
) -> None:
    served.algorithm, served.signs_with = algorithm, 1
    served.keys = [oidc_provider.public(0), oidc_provider.public(1)]
    for key in served.keys:
        del key["alg"]
        if not has_kid:
            del key["kid"]
    assert sign_in(served) == "ada-0815"


def test_a_key_for_encryption_signs_nothing(served: oidc_provider.Provider) -> None:
    served.keys[0]["use"] = "enc"
    with pytest.raises(ProviderFailed, match="none of the provider's keys"):
        sign_in(served)


def test_our_audience_may_stand_beside_others_where_we_are_the_party(served: oidc_provider.Provider) -> None:
    served.changes = {"aud": [oidc_provider.CLIENT_ID, "api"], "azp": oidc_provider.CLIENT_ID}
    assert sign_in(served) == "ada-0815"


def test_no_secret_shows_in_what_is_printed(served: oidc_provider.Provider) -> None:
    assert oidc_provider.CLIENT_SECRET not in repr(served.client())


@pytest.mark.parametrize("token", ["\ud800", "ä.b.c", "", 7, None])
def test_an_id_token_that_is_none_is_refused_in_words(served: oidc_provider.Provider, token: object) -> None:
    provider = Provider(served.client())
    served.back(provider.authorization_url(redirect_uri=BACK, state="s", nonce="n", verifier="v" * 43))
    served.answers["/token"] = (200, json.dumps({"id_token": token}).encode())
    with pytest.raises(ProviderFailed, match="ID token"):
        provider.person(code="code-0", verifier="v" * 43, nonce="n", redirect_uri=BACK)


@pytest.mark.parametrize("token", ["ä", "a\r\nX: y", 7, None])
def test_an_access_token_that_is_none_is_not_sent(served: oidc_provider.Provider, token: object) -> None:
    served.tells_email_by_userinfo = True
    provider = Provider(served.client())
    served.back(provider.authorization_url(redirect_uri=BACK, state="s", nonce="n", verifier="v" * 43))
    told = {"access_token": token, "id_token": served.id_token("n")}
    served.answers["/token"] = (200, json.dumps(told).encode())
    person = provider.person(code="code-0", verifier="v" * 43, nonce="n", redirect_uri=BACK)
    assert provider.with_email(person).email == ""
    assert "/userinfo" not in served.asked
