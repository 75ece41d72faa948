"""The paths of signing in by the provider, where BOOPER_OIDC_ISSUER is set alone."""

from django.urls import path

from jobs.pages import provider_sign_in

urlpatterns = [
    path("sign-in/provider", provider_sign_in.Begin.as_view(), name="provider"),
    path("sign-in/provider/done", provider_sign_in.Done.as_view(), name="provider_done"),
]
