# Apptainer: it has no setting for a proxy but its environment, and would hand that to containers. So
# a program of the same name, found before it, sets the variables for it, and what containers see
# stays what it was. Also for SingularityCE.

PREFIXES='apptainer:APPTAINERENV_ singularity:SINGULARITYENV_'

prepare_runtime() {
    WRAPPERS=/usr/local/bin
    if [ "$(id -u)" -ne 0 ]; then
        STATE=${XDG_DATA_HOME:-$HOME/.local/share}/metahub WRAPPERS=$HOME/.local/bin
        OWN_ANCHORS=${XDG_CONFIG_HOME:-$HOME/.config}/metahub/trust
    fi
    [ -n "$UNDO" ] || [ -n "$(program apptainer)$(program singularity)" ] ||
        fail "apptainer is nowhere in PATH, nothing was changed: install it first"
}

# program NAME: the real one
program() {
    printf '%s\n' "$PATH" | tr : '\n' | while IFS= read -r folder; do
        if [ -x "$folder/$1" ] && ! grep -q 'MetaHub.s set-up' "$folder/$1"; then
            printf '%s\n' "$folder/$1"
            break
        fi
    done
}

plan_runtime() {
    # shellcheck disable=SC2086  # words
    NO_PROXY_LIST=$(no_proxy_of "${NO_PROXY-},${no_proxy-}" $EVERYWHERE)
    warn_of_hidden "$NO_PROXY_LIST"
    for each in $PREFIXES; do
        real=$(program "${each%:*}")
        if [ -n "$real" ]; then plan_wrapper "$WRAPPERS/${each%:*}" "$real" "${each#*:}"; fi
    done
}

plan_wrapper() {
    [ ! -e "$1" ] || grep -q 'MetaHub.s set-up' "$1" ||
        fail "$1 is there already, nothing was changed: move it to another folder of PATH"
    wrapper "$2" "$3" >"$WORK/wrapper"
    want apptainer "$(mode_of_wrapper)" "$1" <"$WORK/wrapper"
}

mode_of_wrapper() { if [ -n "$OWN_ANCHORS" ]; then echo 700; else echo 755; fi; }

wrapper() {
    say "#!/bin/sh"
    say "# Made by MetaHub's set-up of Apptainer, which removes it with --undo."
    for name in HTTPS_PROXY HTTP_PROXY NO_PROXY; do
        say "export $2$name=\"\${$2$name-\${$name-}}\" # as containers see it"
    done
    for name in HTTPS_PROXY HTTP_PROXY; do say "export $name='$URL'"; done
    say "export NO_PROXY='$NO_PROXY_LIST'"
    if [ -n "$OWN_ANCHORS" ]; then
        say "export ${2}SSL_CERT_DIR=\"\${${2}SSL_CERT_DIR-\${SSL_CERT_DIR-}}\""
        say "export SSL_CERT_DIR='$OWN_ANCHORS:/etc/ssl/certs:/etc/pki/tls/certs'"
    fi
    say "exec '$1' \"\$@\""
}

finish_runtime() {
    for each in $PREFIXES; do
        found=$(command -v "${each%:*}") || continue
        [ "$found" = "$WRAPPERS/${each%:*}" ] ||
            warn "PATH finds $found before $WRAPPERS/${each%:*}: put $WRAPPERS before it"
    done
    if [ -n "$USER_NAME" ] && [ -z "$OWN_ANCHORS" ]; then
        warn "every user of this machine can read the password in $WRAPPERS/apptainer, as they have" \
            "to: nodes that several people use are better known by their address"
    fi
}
