#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The completion script inside a real bash.
. "$(dirname "$0")/lib.sh"
requires bash -c 'type compgen'

"$KILN" completion bash >"$tmp/completion"
mkdir "$tmp/bin"
cat >"$tmp/bin/kiln" <<'X'
#!/bin/sh
[ "$1 $2 $3" = "ls images --ids" ] && echo ami-0123456789abcdef0
X
chmod +x "$tmp/bin/kiln"

# complete WORD...: what bash would offer for the last one
complete() {
    PATH="$tmp/bin:$PATH" bash -c '
        . "$1"; shift
        COMP_WORDS=(kiln "$@"); COMP_CWORD=$#
        _kiln
        printf "%s\n" "${COMPREPLY[@]}"' bash "$tmp/completion" "$@" | paste -sd ' '
}

is "image import" "$(complete im)" "verbs"
is "copy create delete" "$(complete image '')" "second words"
is "create" "$(complete snapshot cr)" "beginning of a second word"
is "--name --no-wait" "$(complete import f --n)" "options"
is "windows" "$(complete import f --platform w)" "values"
is "$tmp/completion" "$(complete password i-1 -i "$tmp/comp")" "files"
is "instances images snapshots volumes imports" "$(complete ls '')" "words of ls"
is "ami-0123456789abcdef0" "$(complete launch a)" "ids"
is "image import" "$(complete --region x im)" "verbs behind an option"
