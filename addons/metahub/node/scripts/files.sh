# What is to stand on this machine, what stood there before, and the way from one to the other.
# A plan is made first, in $WORK, and carried out whole: what cannot be planned changes nothing.
# Of each path that changes, $STATE/AREA/N tells what was there before the first change, before it.

# want AREA MODE PATH: what stdin holds. MODE - is that of the file that is there, or 644.
want() {
    PLANNED=$((PLANNED + 1))
    mkdir "$WORK/$PLANNED"
    echo "$1" >"$WORK/$PLANNED/area"
    echo "$2" >"$WORK/$PLANNED/mode"
    real_path "$3" >"$WORK/$PLANNED/path"
    cat >"$WORK/$PLANNED/wanted"
}

# want_gone AREA PATH
want_gone() {
    want "$1" - "$2" </dev/null
    rm "$WORK/$PLANNED/wanted"
}

# Where a link leads to, as its target is what changes.
real_path() { if [ -L "$1" ]; then readlink -f "$1"; else printf '%s\n' "$1"; fi; }

# read_plan N: PATH_, AREA, MODE, and whether it CHANGES anything
read_plan() {
    PATH_=$(cat "$WORK/$1/path")
    AREA=$(cat "$WORK/$1/area")
    MODE=$(cat "$WORK/$1/mode")
    WANTED=$WORK/$1/wanted
    CHANGES=yes
    if stands "$PATH_" "$WANTED" "$MODE"; then CHANGES=''; fi
}

stands() {
    [ -e "$2" ] || { [ ! -e "$1" ] && return 0 || return 1; }
    [ -f "$1" ] && cmp -s "$1" "$2" && has_mode "$1" "$3"
}

has_mode() { [ "$2" = - ] || [ -n "$(find "$1" -prune -perm "$2")" ]; }

# any_change AREA: whether the plan changes anything of it
any_change() {
    each=1
    while [ "$each" -le "$PLANNED" ]; do
        read_plan "$each"
        if [ -n "$CHANGES" ] && [ "$AREA" = "$1" ]; then return 0; fi
        each=$((each + 1))
    done
    return 1
}

# for_each_change AREA COMMAND
for_each_change() {
    each=1
    while [ "$each" -le "$PLANNED" ]; do
        read_plan "$each"
        if [ -n "$CHANGES" ] && [ "$AREA" = "$1" ]; then "$2"; fi
        each=$((each + 1))
    done
}

show_change() {
    if [ -e "$WANTED" ]; then say "would write $PATH_"; else say "would remove $PATH_"; fi
    show_difference "$PATH_" "$WANTED" "$PATH_"
    if [ -e "$WANTED" ] && [ "$MODE" != - ]; then say "with the mode $MODE"; fi
}

# show_difference BEFORE AFTER PATH, of which either may not be there
show_difference() {
    before=$1 before_name=$3 after=$2 after_name=$3
    [ -e "$before" ] || before=/dev/null before_name=/dev/null
    [ -e "$after" ] || after=/dev/null after_name=/dev/null
    diff -u -L "$before_name" -L "$after_name" "$before" "$after" | masked
}

# Neither our password is shown, nor one that stood there, nor what else looks like one.
masked() {
    sed -e 's#://\([^:/@[:space:]"]*\):[^/[:space:]"]*@#://\1:****@#g' \
        -e 's#\([A-Z_]*\(PASSWORD\|SECRET\|TOKEN\)[A-Z_]*\)=.*#\1=****#'
}

make_change() {
    if told=$(known "$AREA" "$PATH_"); then keep_what_others_wrote; fi
    remember "$AREA" "$PATH_"
    if [ -e "$WANTED" ]; then
        write "$PATH_" "$WANTED" "$MODE"
        say "wrote $PATH_"
    else
        rm -f "$PATH_"
        say "removed $PATH_"
    fi
    note_as_ours "$AREA" "$PATH_"
}

# write PATH BYTES MODE: whole or not at all, readable for no one that may not read it in the end
write() {
    TEMPORARY=$1.metahub-new
    rm -f "$TEMPORARY"
    if [ -e "$1" ]; then cp -p "$1" "$TEMPORARY"; else (umask 077 && : >"$TEMPORARY"); fi
    if [ "$3" != - ]; then chmod "$3" "$TEMPORARY"; elif [ ! -e "$1" ]; then chmod 644 "$TEMPORARY"; fi
    cat "$2" >"$TEMPORARY"
    settle "$1"
}

settle() {
    mv -f "$TEMPORARY" "$1"
    TEMPORARY=''
    if has restorecon; then restorecon "$1" 2>/dev/null || :; fi # SELinux
}

# What was there before

make_state() {
    [ ! -d "$STATE" ] || return 0
    missing_folders "$STATE" >"$WORK/folders"
    (umask 022 && mkdir -p "$STATE")
    chmod 700 "$STATE"
    cp "$WORK/folders" "$STATE/folders"
}

# missing_folders FOLDER: it and those above it that are not there, the uppermost first
missing_folders() {
    [ ! -d "$1" ] || return 0
    missing_folders "${1%/*}"
    printf '%s\n' "$1"
}

remember() {
    make_state
    mkdir -p "$STATE/$1"
    missing_folders "${2%/*}" >"$WORK/folders"
    while IFS= read -r folder; do
        remember_as folder "$1" "$folder"
        (umask 022 && mkdir "$folder")
    done <"$WORK/folders"
    if ! known "$1" "$2" >/dev/null; then
        if [ -e "$2" ]; then remember_as file "$1" "$2"; else remember_as absent "$1" "$2"; fi
    fi
}

# known AREA PATH: the folder that tells what was there; false if nothing does
known() {
    for told in "$STATE/$1"/[0-9]*; do
        if [ -f "$told/path" ] && [ "$(cat "$told/path")" = "$2" ]; then
            printf '%s\n' "$told"
            return 0
        fi
    done
    return 1
}

# remember_as KIND AREA PATH: whole or not at all
remember_as() {
    rm -rf "$STATE/$2/new"
    mkdir "$STATE/$2/new"
    printf '%s\n' "$1" >"$STATE/$2/new/kind"
    printf '%s\n' "$3" >"$STATE/$2/new/path"
    if [ "$1" = file ]; then cp -p "$3" "$STATE/$2/new/before"; fi
    mv "$STATE/$2/new" "$STATE/$2/$(next_number "$2")"
}

# Of four digits, so that a shell sorts them.
next_number() {
    number=5000
    for told in "$STATE/$1"/[0-9]*; do
        if [ -d "$told" ]; then number=${told##*/}; fi
    done
    echo $((number + 1))
}

note_as_ours() {
    told=$(known "$1" "$2")
    if [ -e "$2" ]; then sha256sum <"$2" >"$told/ours"; else : >"$told/ours"; fi
}

# Back again

# for_each_told AREA COMMAND: the last first
for_each_told() {
    numbers=''
    for told in "$STATE/$1"/[0-9]*; do
        if [ -d "$told" ]; then numbers="${told##*/} $numbers"; fi
    done
    AREA=$1
    for number in $numbers; do
        told=$STATE/$AREA/$number
        KIND=$(cat "$told/kind")
        PATH_=$(cat "$told/path")
        "$2"
    done
}

show_undoing() {
    case $KIND in
    file) say "would restore $PATH_" ;;
    absent) say "would remove $PATH_" ;;
    folder) return 0 ;;
    esac
    show_difference "$PATH_" "$told/before" "$PATH_"
}

undo_change() {
    rm -f "$PATH_.metahub-new" # of a run that was killed
    case $KIND in
    folder)
        if [ -d "$PATH_" ] && ! rmdir "$PATH_" 2>/dev/null; then pass_on; fi
        ;;
    absent)
        keep_what_others_wrote
        if [ -e "$PATH_" ]; then
            rm -f "$PATH_"
            say "removed $PATH_"
        fi
        ;;
    file)
        keep_what_others_wrote
        restore "$told/before" "$PATH_"
        say "restored $PATH_"
        ;;
    esac
    rm -rf "$told"
}

# A folder that others of ours use still is theirs to remove, the last of all.
pass_on() {
    for heir in "$STATE"/*/; do
        heir=${heir%/}
        if [ "${heir##*/}" = "$AREA" ] || [ ! -d "$heir" ]; then continue; fi
        set -- "$heir"/[0-9]*
        if [ -d "$1" ]; then
            mv "$told" "$heir/$((${1##*/} - 1))"
            return 0
        fi
    done
}

# restore BEFORE PATH: with its owner, mode and time
restore() {
    (umask 022 && mkdir -p "${2%/*}")
    TEMPORARY=$2.metahub-new
    cp -p "$1" "$TEMPORARY"
    settle "$2"
}

keep_what_others_wrote() {
    if [ ! -e "$PATH_" ] || [ ! -e "$told/ours" ] || is_ours; then return 0; fi
    if [ -e "$told/before" ] && cmp -s "$PATH_" "$told/before"; then return 0; fi
    kept=$PATH_.metahub-kept count=1
    while [ -e "$kept" ] || [ -L "$kept" ]; do
        count=$((count + 1))
        kept=$PATH_.metahub-kept-$count
    done
    cp -p "$PATH_" "$kept"
    warn "$PATH_ was changed since; what it was until now is in $kept"
}

is_ours() { sha256sum <"$PATH_" | cmp -s - "$told/ours"; }

forget_area() {
    rm -rf "${STATE:?}/$1"
    for area in "$STATE"/*/; do
        if [ -d "$area" ]; then return 0; fi
    done
    if [ -f "$STATE/folders" ]; then
        cp "$STATE/folders" "$WORK/folders"
        rm -rf "${STATE:?}"
        sed '1!G;h;$!d' "$WORK/folders" | while IFS= read -r folder; do
            rmdir "$folder" 2>/dev/null || :
        done
    fi
}
