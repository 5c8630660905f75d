# The order of it all.

main() {
    LINE_BREAK='
'
    WORK='' TEMPORARY='' HIDDEN='' BEGUN='' PLANNED=0
    hide_given_password
    read_options "$@"
    need awk cat chmod cmp cp cut diff find grep id mkdir mktemp mv od readlink rm rmdir sed \
        sha256sum sort tail tr
    STATE=/var/lib/metahub OWN_ANCHORS=''
    prepare_runtime
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 131' QUIT
    trap 'exit 143' TERM
    WORK=$(mktemp -d)
    if [ -n "$UNDO" ]; then undo; else set_up; fi
}

clean_up() {
    status=$?
    show_typing
    if [ "$status" -ne 0 ] && [ -n "$BEGUN" ]; then
        warn "stopped half way: run it again when that is mended, or put everything back with --undo"
    fi
    if [ -n "$TEMPORARY" ]; then rm -f "$TEMPORARY"; fi
    rm -rf "$WORK"
}

set_up() {
    split_certificates
    check_fingerprints
    read_credentials
    plan_trust
    plan_runtime
    if ! trust_is_due && ! any_change "$RUNTIME" && ! restart_is_due; then
        say "$TITLE is set up as it should be: nothing to change"
        if [ -z "$DRY_RUN" ]; then claim_trust; fi
    elif [ -n "$DRY_RUN" ]; then
        show_plan
    else
        carry_out
    fi
}

show_plan() {
    for_each_change trust show_change
    if [ -n "$UPDATE" ] && trust_is_due; then say "would run $UPDATE"; fi
    for_each_change "$RUNTIME" show_change
    if restart_is_due; then show_restart; fi
}

carry_out() {
    BEGUN=yes
    # Also where a service read the same before, it may have read something else since.
    rm -f "$STATE/$RUNTIME/restarted"
    change_trust
    for_each_change "$RUNTIME" make_change
    if restart_is_due; then restart_runtime; fi
    finish_runtime
}

undo() {
    if [ ! -d "$STATE/$RUNTIME" ] && [ ! -e "$STATE/trust/for-$RUNTIME" ]; then
        say "nothing was set up for $TITLE here: nothing to undo"
        return 0
    fi
    if [ -n "$DRY_RUN" ]; then
        for_each_told "$RUNTIME" show_undoing
        show_undoing_of_trust
        return 0
    fi
    for_each_told "$RUNTIME" undo_change
    undo_trust
    restart_after_undo
    forget_area "$RUNTIME"
}
