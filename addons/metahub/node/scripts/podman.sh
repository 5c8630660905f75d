# podman and buildah: no daemon; both set the `env` of containers.conf for themselves before they
# pull. skopeo does not read it. For root it holds for all users, for another user for that one.

prepare_runtime() {
    has podman || has buildah || [ -n "$UNDO" ] ||
        fail "neither podman nor buildah is here, nothing was changed: install one of them first"
    CONTAINERS=/etc/containers VARIABLES=/etc/metahub/podman.env
    [ "$(id -u)" -ne 0 ] || return 0
    home=${XDG_CONFIG_HOME:-$HOME/.config}
    STATE=${XDG_DATA_HOME:-$HOME/.local/share}/metahub
    CONTAINERS=$home/containers VARIABLES=$home/metahub/podman.env OWN_ANCHORS=$home/metahub/trust
}

plan_runtime() {
    refuse_later_settings
    settings | while IFS= read -r file; do cat "$file"; done >"$WORK/settings"
    engine_env <"$WORK/settings" >"$WORK/entries"
    sed 's/^.\(.*\).$/\1/' "$WORK/entries" >"$WORK/environment"
    NO_PROXY_LIST=$(all_values_in NO_PROXY no_proxy <"$WORK/environment")
    # shellcheck disable=SC2086  # words
    NO_PROXY_LIST=$(no_proxy_of "$NO_PROXY_LIST" $EVERYWHERE)
    warn_of_hidden "$NO_PROXY_LIST"
    warn_of_replaced "$(value_in HTTPS_PROXY https_proxy <"$WORK/environment")"
    podman_variables >"$WORK/variables"
    want podman 600 "$VARIABLES" <"$WORK/variables"
    containers_conf >"$WORK/conf"
    want podman "$(readable_for)" "$CONTAINERS/containers.conf.d/zz-metahub.conf" <"$WORK/conf"
}

# Every user's podman reads root's, and fails where it may not.
readable_for() { if [ -n "$OWN_ANCHORS" ]; then echo 600; else echo 644; fi; }

podman_variables() {
    say "# Made by MetaHub's set-up of podman, which removes it with --undo. For skopeo:"
    say "#   set -a; . $VARIABLES; set +a"
    for name in HTTPS_PROXY HTTP_PROXY; do say "$name=\"$URL\""; done
    say "NO_PROXY=\"$NO_PROXY_LIST\""
    if [ -n "$OWN_ANCHORS" ]; then
        # Files of certificates that Go knows of itself are read all the same.
        say "SSL_CERT_DIR=\"$OWN_ANCHORS:/etc/ssl/certs:/etc/pki/tls/certs\""
    fi
}

containers_conf() {
    cat <<EOF
# Made by MetaHub's set-up of podman, which removes it with --undo.
# A list replaces the same list of files that are read before: what it had is here too.
[engine]
env = [
EOF
    grep -v -i -E '^.(https_proxy|http_proxy|no_proxy|ssl_cert_dir)=' "$WORK/entries" | sed 's/.*/    &,/'
    sed -e '/^#/d' -e 's/="/=/' -e 's/.*/    "&,/' "$WORK/variables"
    cat <<EOF
]
[containers]
# podman would hand these variables, and so the password, to every container that it runs.
http_proxy = false
EOF
}

# The files of others, in the order in which they are read.
settings() {
    for file in /usr/share/containers/containers.conf /etc/containers/containers.conf \
        /etc/containers/containers.conf.d/*.conf ${OWN_ANCHORS:+"$CONTAINERS/containers.conf"} \
        ${OWN_ANCHORS:+"$CONTAINERS"/containers.conf.d/*.conf}; do
        if [ -r "$file" ] && [ "$file" != "$CONTAINERS/containers.conf.d/zz-metahub.conf" ]; then
            printf '%s\n' "$file"
        fi
    done
}

refuse_later_settings() {
    for file in "$CONTAINERS"/containers.conf.d/*.conf; do
        if [ -r "$file" ] && comes_later "$file" zz-metahub.conf &&
            grep -q '^[[:space:]]*env[[:space:]]*=' "$file"; then
            fail "$file is read after MetaHub's own zz-metahub.conf and has an env of its own," \
                "nothing was changed: give it a name that comes before"
        fi
    done
}

# The strings of the last `env` of [engine], in quotes as they stand there, each on a line; of all
# that there are where one has `append=true`.
engine_env() {
    awk '
        !inside && /^[ \t]*\[/ { section = $0; gsub(/[][ \t]|#.*/, "", section) }
        !inside && section == "engine" && /^[ \t]*env[ \t]*=/ {
            sub(/^[^=]*=/, ""); inside = 1; count = 0; appends = 0
        }
        inside {
            for (i = 1; i <= length($0); i++) {
                c = substr($0, i, 1)
                if (quote != "") {
                    word = word c
                    if (c == "\\" && quote == "\"") word = word substr($0, ++i, 1)
                    else if (c == quote) { words[++count] = word; quote = "" }
                }
                else if (c == "#") break
                else if (c == "\"" || c == "'\''") quote = word = c
                else if (c == "]") { finish(); break }
                else if (substr($0, i) ~ /^append[ \t]*=[ \t]*true/) appends = 1
            }
        }
        function finish() {
            if (!appends) total = 0
            for (j = 1; j <= count; j++) all[++total] = words[j]
            inside = 0
        }
        END { for (j = 1; j <= total; j++) print all[j] }'
}

finish_runtime() {
    say "podman and buildah use it from now on; skopeo wants: set -a; . $VARIABLES; set +a"
    if [ -n "$USER_NAME" ] && [ -z "$OWN_ANCHORS" ]; then
        warn "every user of this machine can read the password in" \
            "$CONTAINERS/containers.conf.d/zz-metahub.conf, as their podman has to"
    fi
}
