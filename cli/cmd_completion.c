#include "cli/command.h"

#include "base/cleanup.h"
#include "base/suggest.h"
#include "cli/arguments.h"

#include <stdio.h>
#include <string.h>

/*
 * The scripts know nothing of the commands: they ask `berth __complete` at every TAB, so they never
 * are of another version than the binary.
 */

static const char bash_script[] =
    "# bash completion for berth: source it, or put it where bash-completion looks, as \"berth\".\n"
    "_berth() {\n"
    "    local program=${COMP_WORDS[0]/#\\~/$HOME} word=${COMP_WORDS[COMP_CWORD]} what='' line "
    "lead=''\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        if [[ -z $what ]]; then\n"
    "            what=$line\n"
    "        else\n"
    "            COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
    "        fi\n"
    "    done < <(\"$program\" __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "    if [[ $what == files || $what == directories ]]; then\n"
    "        if [[ $word == --*=* ]]; then\n"
    "            lead=${word%%=*}= word=${word#*=}\n"
    "        elif [[ $word == = ]]; then\n"
    "            word=''\n"
    "        fi\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        [[ $what == files ]] && what=-f || what=-d\n"
    "        while IFS= read -r line; do\n"
    "            COMPREPLY+=(\"$lead$line\")\n"
    "        done < <(compgen \"$what\" -- \"$word\")\n"
    "    elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]]; then\n"
    "        compopt -o nospace 2>/dev/null\n"
    "    fi\n"
    "    return 0\n"
    "}\n"
    "complete -F _berth berth\n";

static const char zsh_script[] =
    "#compdef berth\n"
    "# zsh completion for berth: source it, or put it into a folder of $fpath, as \"_berth\".\n"
    "_berth() {\n"
    "    local what='' line\n"
    "    local -a candidates\n"
    "    while IFS= read -r line; do\n"
    "        if [[ -z $what ]]; then\n"
    "            what=$line\n"
    "        else\n"
    "            candidates+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "        fi\n"
    "    done < <(\"${(Q)words[1]/#\\~/$HOME}\" __complete \"${(@Q)words[2,CURRENT]}\" "
    "2>/dev/null)\n"
    "    case $what in\n"
    "        files) compset -P '--*='; _files ;;\n"
    "        directories) compset -P '--*='; _files -/ ;;\n"
    "        *) _describe -t candidates candidate candidates ;;\n"
    "    esac\n"
    "}\n"
    "if [[ ${funcstack[1]} == _berth ]]; then\n"
    "    _berth \"$@\"\n"
    "else\n"
    "    compdef _berth berth\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for berth: put it into ~/.config/fish/completions, as \"berth.fish\".\n"
    "function __berth_complete\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    set -l lines (command $words[1] __complete $words[2..-1] 2>/dev/null)\n"
    "    switch \"$lines[1]\"\n"
    "        case files\n"
    "            __fish_complete_path (commandline -ct)\n"
    "        case directories\n"
    "            __fish_complete_directories (commandline -ct)\n"
    "        case '*'\n"
    "            printf '%s\\n' $lines[2..-1]\n"
    "    end\n"
    "end\n"
    "complete -c berth -f -a '(__berth_complete)'\n";

static const struct {
    const char *shell, *script;
} scripts[] = {
    {"bash", bash_script},
    {"zsh", zsh_script},
    {"fish", fish_script},
};

static int unknown_shell(struct arguments *args, const char *shell)
{
    const char *names[ARRAY_SIZE(scripts)];
    auto_free char *hint = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        names[i] = scripts[i].shell;
    }
    hint = suggest_hint(shell, names, ARRAY_SIZE(names));
    arguments_wrong(args, "\"%s\" is none of bash, zsh, fish%s", shell, hint);
    return args->exit_code;
}

static int cmd_completion(int argc, char **argv)
{
    struct arguments args;

    arguments_init(&args, &command_completion, argc, argv);
    if (arguments_next(&args) < 0 || arguments_count(&args, 1, 1, "name a shell") < 0) {
        return args.exit_code;
    }
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        if (strcmp(args.operands[0], scripts[i].shell) == 0) {
            fputs(scripts[i].script, stdout);
            return EXIT_OK;
        }
    }
    return unknown_shell(&args, args.operands[0]);
}

const struct command command_completion = {
    .name = "completion",
    .run = cmd_completion,
    .summary = "print what makes a shell complete berth's commands",
    .operands = "bash|zsh|fish",
    .description = "Prints a script for the shell, which completes commands, options, kinds, and "
                   "names of objects from their status files: those of --specs, --state and "
                   "--status-dir on the line, else of the environment or ./berth.yaml.",
    .exit_codes = "0; 2 usage",
    .examples = "source <(berth completion bash)\n"
                "berth completion zsh >~/.zfunc/_berth    # ~/.zfunc is in $fpath\n"
                "berth completion fish >~/.config/fish/completions/berth.fish",
    .completion = {COMPLETE_WORDS, COMPLETE_NOTHING},
};
