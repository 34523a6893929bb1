#compdef hyperscope
# SPDX-License-Identifier: MIT
# zsh completion of hyperscope: printed by `scripts/hyperscope completion zsh`
_hyperscope()
{
	local -a found
	found=(${(f)"$("${words[1]}" completion words "${(@)words[2,CURRENT]}" 2>/dev/null)"})
	if (( $#found )); then
		compadd -- $found
	else
		_files
	fi
}
compdef _hyperscope hyperscope scripts/hyperscope
