# Docker: its daemon pulls, and takes the proxy from its environment, unless daemon.json has one
# (docker 23 and later), which wins over the environment. The CA comes from the system: what stands
# in /etc/docker/certs.d is added to it.

DAEMON_JSON=/etc/docker/daemon.json

SERVICES=docker ELSEWHERE=snap.docker.dockerd

finish_runtime() { :; }

plan_runtime() {
    if [ -f "$DAEMON_JSON" ] && grep -q '"proxies"' "$DAEMON_JSON"; then
        plan_daemon_json
    else
        # shellcheck disable=SC2086  # words
        plan_service '' $EVERYWHERE
    fi
}

plan_daemon_json() {
    shown=$(say "$URL" | masked)
    has jq || has python3 || fail "$DAEMON_JSON has proxies, and neither jq nor python3 is here to" \
        "add MetaHub's, nothing was changed: install one of them, or write yourself" \
        "\"proxies\": {\"http-proxy\": \"$shown\", \"https-proxy\": \"$shown\"}, with the" \
        "password in place of ****"
    list=$(daemon_json_value no-proxy)
    # shellcheck disable=SC2086  # words
    list=$(no_proxy_of "$list" $EVERYWHERE)
    warn_of_hidden "$list"
    warn_of_replaced "$(daemon_json_value https-proxy)"
    # Nothing in the three is special in JSON.
    printf '{"proxies": {"http-proxy": "%s", "https-proxy": "%s", "no-proxy": "%s"}}\n' \
        "$URL" "$URL" "$list" >"$WORK/patch.json"
    patched_daemon_json
    want docker 600 "$DAEMON_JSON" <"$WORK/daemon.json"
}

daemon_json_value() {
    if has jq; then
        jq -r --arg name "$1" '.proxies[$name] // ""' "$DAEMON_JSON"
    else
        python3 -c 'import json, sys
print(json.load(open(sys.argv[1])).get("proxies", {}).get(sys.argv[2], ""))' "$DAEMON_JSON" "$1"
    fi 2>"$WORK/complaint" || fail "$DAEMON_JSON is not what docker can read, nothing was changed:" \
        "$(tail -n 1 "$WORK/complaint")"
}

# A file that says it already stays as it is written.
patched_daemon_json() {
    if has jq; then
        jq -s '.[0] * .[1]' "$DAEMON_JSON" "$WORK/patch.json" >"$WORK/daemon.json"
        jq -e -s '.[0] == .[1]' "$DAEMON_JSON" "$WORK/daemon.json" >/dev/null ||
            return 0
        cp "$DAEMON_JSON" "$WORK/daemon.json"
        return 0
    fi
    python3 - "$DAEMON_JSON" "$WORK/patch.json" >"$WORK/daemon.json" <<'EOF'
import json, sys

text = open(sys.argv[1], encoding="utf-8").read()
there, patch = json.loads(text), json.load(open(sys.argv[2]))
patched = {**there, "proxies": {**there["proxies"], **patch["proxies"]}}
same = patched == there
sys.stdout.buffer.write((text if same else json.dumps(patched, indent=2, ensure_ascii=False) + "\n").encode())
EOF
}
