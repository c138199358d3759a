/**
 * What a shell sources so that Tab completes skiff's command lines. The shells ask `skiff __complete -- WORDS`: lines of a
 * value, a tab and a description, and `:files` where files may be meant.
 */

/** bash(1), "Programmable Completion". Words are split anew: bash breaks them at ':' and '=', which names of images have. */
const BASH = `# skiff: completion for bash
_skiff() {
    local line=\${COMP_LINE:0:COMP_POINT} words current reply candidate breaks
    read -ra words <<<"$line"
    [[ $line != *[[:space:]] ]] || words+=('')
    current=\${words[\${#words[@]} - 1]}
    COMPREPLY=()
    while IFS=$'\\t' read -r candidate _; do
        if [[ $candidate == :files ]]; then
            compopt -o default
        elif [[ $candidate == "$current"* ]]; then
            COMPREPLY+=("$candidate")
        fi
    done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
    # Bash replaces only what follows the last character that breaks words.
    breaks=$current
    for reply in ':' '='; do
        [[ $COMP_WORDBREAKS != *"$reply"* || $breaks != *"$reply"* ]] || breaks=\${breaks%"\${breaks##*"$reply"}"}
    done
    [[ $breaks == "$current" && $current != *[:=] ]] || COMPREPLY=("\${COMPREPLY[@]#"$breaks"}")
    [[ \${#COMPREPLY[@]} != 1 || \${COMPREPLY[0]} != *: ]] || compopt -o nospace
}
complete -F _skiff skiff
`

/** zshcompsys(1) */
const ZSH = `#compdef skiff
# skiff: completion for zsh
_skiff() {
    local -a described
    local value description files=0
    while IFS=$'\\t' read -r value description; do
        if [[ $value == :files ]]; then
            files=1
        else
            value=\${value//:/\\\\:}
            described+=("$value:$description")
        fi
    done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
    (( \${#described} == 0 )) || _describe -t skiff skiff described
    (( files == 0 )) || _files
}
if [[ \${funcstack[1]} == _skiff ]]; then
    _skiff "$@"
else
    compdef _skiff skiff
fi
`

/** fish: complete(1) */
const FISH = `# skiff: completion for fish
function __skiff_complete
    set -l words (commandline -opc)
    for line in ($words[1] __complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c skiff -f -a '(__skiff_complete)'
`

export const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
