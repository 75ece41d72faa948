"""Every path of a web process that BOOPER_OIDC_ISSUER is set for: which ones there are is decided as it boots."""

from django.urls import include, path

from config import urls
from jobs.pages import provider_urls
from jobs.pages import urls as pages

urlpatterns = [*urls.urlpatterns[:-1], path("", include(([*pages.urlpatterns, *provider_urls.urlpatterns], "pages")))]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
