# SPDX-License-Identifier: MIT
# bash completion of hyperscope: printed by `scripts/hyperscope completion bash`
_hyperscope()
{
	# COMP_WORDS is not used, because readline splits NAME=VALUE into three words.
	local line=${COMP_LINE:0:COMP_POINT} typed word
	read -ra typed <<<"$line"
	[[ $line != *[[:space:]] ]] || typed+=("")
	word=${typed[-1]}
	mapfile -t COMPREPLY < <("${typed[0]}" completion words "${typed[@]:1}" 2>/dev/null)
	[ "${COMPREPLY[*]}" ] || COMPREPLY=()
	# If = is a word break, readline replaces only the text after the last =: drop the text before it.
	[[ $COMP_WORDBREAKS != *=* ]] || COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*=}"}"}")
}
complete -o default -F _hyperscope hyperscope scripts/hyperscope
