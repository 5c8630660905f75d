# The environment of a service, by systemd or OpenRC, and its restart.
#
# systemd reads it from a file of its own in /etc/metahub. What stands in Environment= anybody may
# ask systemd for (D-Bus), and a later Environment= would win; what a file says wins over all of
# those, and the file that is read last wins over other files.

UNIT_FOLDERS='/etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system
    /usr/lib/systemd/system /lib/systemd/system'
OURS=zz-metahub.conf
ELSEWHERE='' # services that have one of their own

prepare_runtime() {
    need_root
    # shellcheck disable=SC2086  # words
    find_units $SERVICES
    if [ -n "$UNITS$UNDO" ]; then return 0; fi
    refuse_elsewhere
    fail "neither systemd nor OpenRC starts $TITLE here, nothing was" \
        "changed: whatever starts it has to set HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
}

# Snaps, distributions of Kubernetes, and a user's own.
refuse_elsewhere() {
    for each in $ELSEWHERE; do
        file=$(unit_file "$each")
        [ -z "$file" ] || fail "$TITLE is started by $file here, which this script cannot set up," \
            "nothing was changed: have HTTPS_PROXY, HTTP_PROXY and NO_PROXY set there, and the CA" \
            "trusted, which the script of the system does"
    done
    for file in /home/*/.config/systemd/user/"${SERVICES%% *}".service; do
        [ ! -f "$file" ] || fail "$TITLE is started by $file here, for one user, which this script" \
            "cannot set up, nothing was changed: have HTTPS_PROXY, HTTP_PROXY and NO_PROXY set" \
            "there, and the CA trusted, which the script of the system does"
    done
}

# find_units NAME…: UNITS of these that there are, and INIT, which starts them
find_units() {
    UNITS='' INIT=''
    for unit in "$@"; do
        if [ -n "$(unit_file "$unit")" ]; then INIT=systemd UNITS="$UNITS $unit"; fi
    done
    [ -z "$UNITS" ] || return 0
    for unit in "$@"; do
        if [ -f "/etc/init.d/$unit" ] && grep -q openrc-run "/etc/init.d/$unit"; then
            INIT=openrc UNITS="$UNITS $unit"
        fi
    done
}

unit_file() {
    for folder in $UNIT_FOLDERS; do
        if [ -f "$folder/$1.service" ]; then
            printf '%s\n' "$folder/$1.service"
            return 0
        fi
    done
}

# drop_ins UNIT: those of others
drop_ins() {
    for folder in $UNIT_FOLDERS; do
        for file in "$folder/$1.service.d"/*.conf "$folder/service.d"/*.conf; do
            if [ -f "$file" ] && [ "${file##*/}" != "$OURS" ]; then printf '%s\n' "$file"; fi
        done
    done
}

# settings_of UNIT: the files of systemd that say what its environment is
settings_of() {
    unit_file "$1"
    drop_ins "$1"
    for file in /etc/systemd/system.conf /etc/systemd/system.conf.d/*.conf; do
        if [ -f "$file" ]; then printf '%s\n' "$file"; fi
    done
}

# environment_of UNIT: NAME=VALUE of all that it has so far, from whatever file, ours too
environment_of() {
    if [ "$INIT" = openrc ]; then
        for file in "/etc/conf.d/$1" "$(rc_file "$1")" /etc/environment; do
            if [ -r "$file" ]; then sed 's/^[[:space:]]*export[[:space:]]*//' "$file" | unquoted; fi
        done
    else
        systemd_environment_of "$1"
    fi
    if [ -r "/etc/metahub/$RUNTIME.env" ]; then unquoted <"/etc/metahub/$RUNTIME.env"; fi
}

systemd_environment_of() {
    settings_of "$1" | while IFS= read -r file; do
        assignments "Environment|DefaultEnvironment" <"$file" | sed 's/%%/%/g'
        assignments EnvironmentFile <"$file" | sed "s/^-//; s/%[Nnpi]/$1/g" |
            while IFS= read -r named; do
                if [ -r "$named" ]; then unquoted <"$named"; fi
            done
    done
}

# plan_service PREFIX WORDS…: the variables, with a prefix to their names, for UNITS; WORDS are
# asked directly
plan_service() {
    prefix=$1
    shift
    for unit in $UNITS; do
        environment_of "$unit"
    done >"$WORK/environment"
    # What the service itself has, counts where it starts what pulls.
    NO_PROXY_LIST=$(all_values_in "$prefix"NO_PROXY "$prefix"no_proxy NO_PROXY no_proxy \
        <"$WORK/environment")
    NO_PROXY_LIST=$(no_proxy_of "$NO_PROXY_LIST" "$@")
    warn_of_hidden "$NO_PROXY_LIST"
    replaced=$(value_in "$prefix"HTTPS_PROXY "$prefix"https_proxy HTTPS_PROXY https_proxy \
        <"$WORK/environment")
    warn_of_replaced "$replaced"
    variables "$prefix" >"$WORK/variables"
    want "$RUNTIME" 600 "/etc/metahub/$RUNTIME.env" <"$WORK/variables"
    for unit in $UNITS; do
        if [ "$INIT" = systemd ]; then plan_drop_in "$unit"; else plan_rc "$unit"; fi
    done
}

variables() {
    say "# Made by MetaHub's set-up of $TITLE, which removes it with --undo."
    say "# What the service starts inherits these, for which NO_PROXY has the hosts of a cluster."
    for name in HTTPS_PROXY HTTP_PROXY; do say "$1$name=\"$URL\""; done
    say "$1NO_PROXY=\"$NO_PROXY_LIST\""
}

plan_drop_in() {
    refuse_later "$1"
    cat >"$WORK/drop-in" <<EOF
# Made by MetaHub's set-up of $TITLE, which removes it with --undo.
# In a file that only root may read, for anybody may ask systemd for what is in Environment=.
[Service]
EnvironmentFile=/etc/metahub/$RUNTIME.env
EOF
    want "$RUNTIME" 644 "/etc/systemd/system/$1.service.d/$OURS" <"$WORK/drop-in"
}

# What is read after our drop-in could undo it.
refuse_later() {
    drop_ins "$1" | while IFS= read -r file; do
        if comes_later "$file" "$OURS" && grep -q -e '^[[:space:]]*EnvironmentFile=' \
            -e '^[[:space:]]*UnsetEnvironment=.*PROXY' "$file"; then
            fail "$file is read after MetaHub's own $OURS and may change the proxy, nothing was" \
                "changed: give it a name that comes before"
        fi
    done
}

rc_file() {
    case $1 in
    k3s*) printf '%s\n' "/etc/rancher/k3s/$1.env" ;; # its init script reads it after conf.d
    *) printf '%s\n' "/etc/conf.d/$1" ;;
    esac
}

plan_rc() {
    {
        if [ -f "$(rc_file "$1")" ]; then
            awk '/^# MetaHub: begin/ { ours = 1 } !ours; /^# MetaHub: end/ { ours = 0 }' \
                "$(rc_file "$1")"
        fi
        cat <<EOF
# MetaHub: begin (removed by its set-up of $TITLE, with --undo)
if [ -r /etc/metahub/$RUNTIME.env ]; then set -a; . /etc/metahub/$RUNTIME.env; set +a; fi
# MetaHub: end
EOF
    } >"$WORK/rc"
    want "$RUNTIME" - "$(rc_file "$1")" <"$WORK/rc"
}

# Restarting

# What a service that runs has read, in a number: the CA too, which programs read when they start.
known_to_service() { cat "$WORK"/*/wanted | sha256sum; }

restart_is_due() {
    [ -n "$UNITS" ] || return 1
    any_change trust || any_change "$RUNTIME" ||
        ! known_to_service | cmp -s - "$STATE/$RUNTIME/restarted"
}

restart_runtime() {
    mkdir -p "$STATE/$RUNTIME"
    if restart; then known_to_service >"$STATE/$RUNTIME/restarted"; fi
}

restart_after_undo() { restart || :; }

# False where somebody has to do it still.
restart() {
    [ -n "$UNITS" ] || return 0
    if [ -z "$RESTART" ] || ! init_runs; then
        say "to be done still: $(restart_commands)"
        return 1
    fi
    if [ "$INIT" = systemd ]; then systemctl daemon-reload; fi
    for unit in $UNITS; do restart_unit "$unit"; done
}

restart_unit() {
    if ! is_running "$1"; then
        say "$1 is not running: it starts with this"
    elif start_anew "$1"; then
        say "restarted $1"
    elif [ "$INIT" = systemd ]; then
        fail "$1 does not start; this says why: journalctl -u $1 -n 50"
    else
        fail "$1 does not start: see what its log says"
    fi
}

# Of a service that was started often within a minute systemd would stop it, and start it no more.
start_anew() {
    if [ "$INIT" = systemd ]; then
        systemctl reset-failed "$1" 2>/dev/null || :
        systemctl restart "$1"
    else
        rc-service "$1" restart
    fi
}

is_running() {
    if [ "$INIT" = systemd ]; then
        systemctl is-active --quiet "$1"
    else
        rc-service "$1" status >/dev/null 2>&1
    fi
}

init_runs() { if [ "$INIT" = systemd ]; then [ -d /run/systemd/system ]; else has rc-service; fi; }

restart_commands() {
    if [ "$INIT" = systemd ]; then
        say "systemctl daemon-reload && systemctl restart$UNITS"
    else
        for unit in $UNITS; do printf 'rc-service %s restart; ' "$unit"; done | sed 's/; $//'
    fi
}

show_restart() {
    if [ -n "$RESTART" ]; then
        say "would restart$UNITS"
    else
        say "to be done then: $(restart_commands)"
    fi
}
