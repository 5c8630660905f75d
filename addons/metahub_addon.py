"""What mitmproxy loads: `mitmdump --set confdir=certs -s addons/metahub_addon.py`."""

import metahub.proxy

addons = metahub.proxy.addons()
