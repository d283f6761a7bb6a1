# SPDX-License-Identifier: MIT
# bash completion for imapsync: commands, the options each takes, the accounts of the configuration.
_imapsync() {
	local cur=${COMP_WORDS[COMP_CWORD]} word command="" i
	local conf=${XDG_CONFIG_HOME:-$HOME/.config}/imapsync/imapsync.conf
	local commands words=()
	commands=$(imapsync --help 2>/dev/null | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ -n $command && $word != -* ]]; then
			words+=("$word")
		elif [[ -z $command && " ${commands//$'\n'/ } " == *" $word "* ]]; then
			command=$word
		fi
	done
	if [[ ${COMP_WORDS[COMP_CWORD - 1]} =~ ^--(from|output|path|trace|config)$ ]]; then
		COMPREPLY=() # files: -o default
	elif [[ $cur == -* ]]; then
		# shellcheck disable=SC2086
		mapfile -t COMPREPLY < <(compgen -W "$(imapsync $command --help 2>/dev/null | grep -o -- '--[a-z-]*')" -- "$cur")
	elif [[ $command == imap && ${#words[@]} -gt 0 ]]; then
		# ACCOUNT stands in front; behind it come the words of the command's name.
		mapfile -t COMPREPLY < <(compgen -W "$(imapsync imap --help 2>/dev/null | sed -n '/^IMAP commands:/,/^$/s/^  \([a-z].*\)/\1/p' |
			awk -v first="${words[1]-}" -v n="${#words[@]}" '
				n == 1 && !seen[$1]++ { print $1 }
				n == 2 && $1 == first && $2 ~ /^[a-z]+$/ { print $2 }')" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^\[account \(.*\)\]/\1/p' "$conf" 2>/dev/null)" -- "$cur")
	fi
}
complete -o default -F _imapsync imapsync
