# SPDX-License-Identifier: MIT
# bash completion for imapsync: commands, the options each takes, the accounts of the configuration.
_imapsync() {
	local cur=${COMP_WORDS[COMP_CWORD]} word command="" i
	local conf=${XDG_CONFIG_HOME:-$HOME/.config}/imapsync/imapsync.conf
	local commands
	commands=$(imapsync --help 2>/dev/null | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ " ${commands//$'\n'/ } " == *" $word "* ]]; then
			command=$word
			break
		fi
	done
	if [[ $cur == -* ]]; then
		# shellcheck disable=SC2086
		mapfile -t COMPREPLY < <(compgen -W "$(imapsync $command --help 2>/dev/null | grep -o -- '--[a-z-]*')" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^\[account \(.*\)\]/\1/p' "$conf" 2>/dev/null)" -- "$cur")
	fi
}
complete -o default -F _imapsync imapsync
