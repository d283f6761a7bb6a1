/* SPDX-License-Identifier: MIT */
/* config.c -- find and read imapsync.conf: sections, lines, quoting, permissions. The keys are in config_key.c. */
#include "cmd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/config_key.h"
#include "core/base/hash.h"
#include "core/base/text.h"

void config_init(struct config *c)
{
	*c = (struct config){NULL, NULL, 0};
}

void config_release(struct config *c)
{
	for (size_t i = 0; i < c->n; i++)
		config_account_release(&c->account[i]);
	free(c->account);
	free(c->file);
	config_init(c);
}

static struct config_account *add_account(
	struct config *c, const char *name, size_t len, struct err *e)
{
	if (c->n >= CONFIG_ACCOUNTS_MAX) {
		err_set(e, ERR_USAGE, E_CONFIG, "more than %d accounts", CONFIG_ACCOUNTS_MAX);
		return NULL;
	}
	/* The array is as large as the next power of two. */
	if ((c->n & (c->n - 1)) == 0) {
		size_t room = c->n > 0 ? 2 * c->n : 1;
		struct config_account *grown = realloc(c->account, room * sizeof *grown);
		if (grown == NULL) {
			err_nomem(e, "the configuration");
			return NULL;
		}
		c->account = grown;
	}
	struct config_account *a = &c->account[c->n];
	*a = (struct config_account){.name = NULL};
	a->name = strndup(name, len);
	if (a->name == NULL) {
		err_nomem(e, "the configuration");
		return NULL;
	}
	c->n++;
	return a;
}

struct config_account *config_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->account[i].name, name) == 0)
			return &c->account[i];
	return NULL;
}

/* ---- lines ---------------------------------------------------------------------------------------- */

struct parser {
	struct config *config;
	struct config_account defaults;
	struct config_account
		*section;  /* &defaults, or the newest account; NULL before the first section */
	bool has_password; /* some section holds a password: the file must be private */
	unsigned line;
};

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = '\0';
	return s;
}

/* Cut an unquoted "# comment" at the beginning of a value or behind white space. */
static void cut_comment(char *s)
{
	char quote = '\0';
	for (char *p = s; *p != '\0'; p++) {
		if (quote != '\0') {
			if (*p == '\\' && quote == '"' && p[1] != '\0')
				p++;
			else if (*p == quote)
				quote = '\0';
		} else if (*p == '"' || (*p == '\'' && (p == s || p[-1] == ' ' || p[-1] == '\t'))) {
			quote = *p;
		} else if (*p == '#' && (p == s || p[-1] == ' ' || p[-1] == '\t')) {
			*p = '\0';
			return;
		}
	}
}

/* A value that is one string in double quotes loses them; anything else stays (lists quote by the word). */
static int unquote(char *value, struct err *e)
{
	size_t n = strlen(value);
	if (n == 0 || value[0] != '"')
		return 0;
	size_t out = 0;
	for (size_t i = 1; i < n; i++) {
		if (value[i] == '\\' && (value[i + 1] == '"' || value[i + 1] == '\\')) {
			value[out++] = value[++i];
		} else if (value[i] == '"') {
			if (i + 1 != n)
				return err_set(e, ERR_USAGE, E_CONFIG,
					"has text behind the closing quotation mark");
			value[out] = '\0';
			return 0;
		} else {
			value[out++] = value[i];
		}
	}
	return err_set(e, ERR_USAGE, E_CONFIG, "has a quotation mark without its partner");
}

/* Lists and commands are split into words, each with its own quotes, by the key itself. */
static bool splits_words(int key)
{
	const char *name = config_key_name((size_t)key);
	return config_key_repeats((size_t)key) || strcmp(name, "tunnel") == 0 ||
		strcmp(name, "password-command") == 0;
}

static int read_section(struct parser *p, char *s, struct err *e)
{
	char *end = strchr(s, ']');
	const char *rest = end != NULL ? trim(end + 1) : "";
	if (end == NULL || (*rest != '\0' && *rest != '#'))
		return err_set(e, ERR_USAGE, E_CONFIG, "expected [defaults] or [account NAME]");
	*end = '\0';
	char *name = trim(s + 1);
	if (strcmp(name, "defaults") == 0) {
		p->section = &p->defaults;
		return 0;
	}
	char shown[TEXT_SHOW_SIZE];
	if (strncmp(name, "account", 7) != 0 || (name[7] != ' ' && name[7] != '\t'))
		return err_set(e, ERR_USAGE, E_CONFIG,
			"unknown section [%s]; expected [defaults] or [account NAME]",
			text_show(shown, sizeof shown, slice_str(name)));
	name = trim(name + 7);
	if (unquote(name, e) != 0)
		return err_context(e, "account name");
	if (*name == '\0' || strpbrk(name, "/\t\n") != NULL || *name == '.' || *name == '-')
		return err_set(e, ERR_USAGE, E_CONFIG,
			"an account name must not be empty, begin with '.' or '-', or hold '/' (it names a folder)");
	if (config_find(p->config, name) != NULL)
		return err_set(e, ERR_USAGE, E_CONFIG, "account \"%s\" exists already (line %u)",
			text_show(shown, sizeof shown, slice_str(name)),
			config_find(p->config, name)->line);
	p->section = add_account(p->config, name, strlen(name), e);
	if (p->section == NULL)
		return -1;
	p->section->line = p->line;
	return 0;
}

static int read_key(struct parser *p, char *s, struct err *e)
{
	char *equals = strchr(s, '=');
	if (equals == NULL)
		return err_set(e, ERR_USAGE, E_CONFIG, "expected \"key = value\"");
	*equals = '\0';
	char *name = trim(s), *value = trim(equals + 1);
	int key = config_key_find(name);
	if (key < 0) {
		char shown[TEXT_SHOW_SIZE];
		const char *guess = config_key_guess(name);
		text_show(shown, sizeof shown, slice_str(name));
		return guess != NULL
			? err_set(e, ERR_USAGE, E_CONFIG,
				  "unknown key \"%s\"; did you mean \"%s\"?", shown, guess)
			: err_set(e, ERR_USAGE, E_CONFIG,
				  "unknown key \"%s\"; see imapsync.conf(5)", shown);
	}
	if (p->section == NULL)
		return err_set(
			e, ERR_USAGE, E_CONFIG, "\"%s\" stands before the first [section]", name);
	bool password = strcmp(name, "password") == 0;
	p->has_password = p->has_password || password;
	/* A '#' could belong to a password or begin a comment; nobody should have to find out which. */
	if (password && *value != '"' && strpbrk(value, "#\"") != NULL)
		return err_set(e, ERR_USAGE, E_CONFIG,
			"put a password that holds '#' or '\"' in double quotes");
	cut_comment(value);
	value = trim(value);
	if (!config_key_repeats((size_t)key) && (p->section->given & (UINT64_C(1) << key)) != 0)
		return err_set(
			e, ERR_USAGE, E_CONFIG, "\"%s\" is given twice in this section", name);
	if (!splits_words(key) && unquote(value, e) != 0)
		return err_context(e, "\"%s\"", name);
	if (*value == '\0')
		return err_set(e, ERR_USAGE, E_CONFIG, "\"%s\" has no value", name);
	if (config_key_set(p->section, (size_t)key, value, e) != 0) {
		char text[ERR_TEXT_MAX];
		memcpy(text, e->text, sizeof text);
		return err_set(e, ERR_USAGE, e->code, "\"%s\" %s", name, text);
	}
	return 0;
}

/* No name, path or command needs one, and terminals obey them. */
static bool has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return true;
	return false;
}

static int read_line(struct parser *p, char *line, struct err *e)
{
	char *s = trim(line);
	if (*s == '\0' || *s == '#' || *s == ';')
		return 0;
	if (has_control(s))
		return err_set(e, ERR_USAGE, E_CONFIG, "the line holds a control character");
	return *s == '[' ? read_section(p, s, e) : read_key(p, s, e);
}

static int parse_lines(struct parser *p, char *text, struct err *e)
{
	char *line = text;
	while (line != NULL && *line != '\0') {
		char *end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		p->line++;
		if (read_line(p, line, e) != 0)
			return -1;
		line = end;
	}
	p->line = 0;
	for (size_t i = 0; i < p->config->n; i++)
		if (config_key_inherit(&p->config->account[i], &p->defaults, e) != 0)
			return -1;
	return 0;
}

int config_parse(
	struct config *c, const char *file, char *text, size_t n, bool *password, struct err *e)
{
	struct parser p = {.config = c};
	if (memchr(text, '\0', n) != NULL)
		return err_set(
			e, ERR_USAGE, E_CONFIG, "%s holds a NUL byte; it is no text file", file);
	int status = parse_lines(&p, text, e);
	if (status != 0 && p.line > 0)
		err_context(e, "%s:%u", file, p.line);
	config_account_release(&p.defaults);
	*password = p.has_password;
	return status;
}

/* ---- the file ------------------------------------------------------------------------------------- */

static int check_private(int fd, const char *file, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_USAGE, E_CONFIG, errno, "cannot read %s", file);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_USAGE, E_CONFIG,
			"%s holds a password but belongs to somebody else", file);
	if ((st.st_mode & 077) != 0)
		return err_set(e, ERR_USAGE, E_CONFIG,
			"%s holds a password but others can read it; run: chmod 600 %s", file,
			file);
	return 0;
}

static int slurp(int fd, const char *file, struct buf *text, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, E_CONFIG, "%s is not a regular file", file);
	for (;;) {
		unsigned char *room = buf_reserve(text, 65536);
		if (room == NULL && text->failed == E_NOMEM)
			return err_nomem(e, "the configuration");
		if (room == NULL)
			return err_set(e, ERR_USAGE, E_CONFIG, "%s is larger than %u bytes", file,
				CONFIG_FILE_MAX);
		ssize_t got = read(fd, room, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, ERR_USAGE, E_CONFIG, errno, "cannot read %s", file);
		if (got == 0)
			return 0;
		buf_added(text, (size_t)got);
	}
}

static int read_open(struct config *c, int fd, const char *file, struct err *e)
{
	struct buf text = BUF_INIT(CONFIG_FILE_MAX + 65536);
	bool password = false;
	int status = slurp(fd, file, &text, e);
	if (status == 0 && text.len > 0)
		status = config_parse(c, file, (char *)text.data, text.len, &password, e);
	if (status == 0 && password)
		status = check_private(fd, file, e);
	if (text.data != NULL)
		secret_wipe(text.data, text.len);
	buf_release(&text);
	if (status == 0 && (c->file = strdup(file)) == NULL)
		status = err_nomem(e, "the configuration");
	return status;
}

/* "$XDG_CONFIG_HOME/imapsync/imapsync.conf", or below ~/.config; NULL without a home. */
static char *user_file(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n = -1;
	if (base != NULL && *base == '/')
		n = asprintf(&path, "%s/imapsync/imapsync.conf", base);
	else if (home != NULL && *home != '\0')
		n = asprintf(&path, "%s/.config/imapsync/imapsync.conf", home);
	return n < 0 ? NULL : path;
}

int config_read(struct config *c, const char *file, struct err *e)
{
	static const char system_file[] = "/etc/imapsync/imapsync.conf";
	char *own = file == NULL ? user_file() : NULL;
	const char *tried[2] = {file != NULL ? file : own, file != NULL ? NULL : system_file};
	int status = -1;
	err_set(e, ERR_USAGE, E_MISSING, "there is no configuration file: neither %s nor %s",
		own != NULL ? own : "(no home folder)", system_file);
	for (size_t i = 0; i < 2; i++) {
		if (tried[i] == NULL)
			continue;
		int fd = open(tried[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && errno == ENOENT && file == NULL)
			continue;
		if (fd < 0) {
			err_sys(e, ERR_USAGE, E_CONFIG, errno, "cannot read the configuration %s",
				tried[i]);
			/* A file that was named must be there: that is not "no configuration yet". */
			e->code = E_CONFIG;
			break;
		}
		err_clear(e);
		status = read_open(c, fd, tried[i], e);
		close(fd);
		break;
	}
	free(own);
	return status;
}

/* ---- completion ----------------------------------------------------------------------------------- */

/* "~" and "~/..." to the home folder, %a to the account's name, %% to %. */
static int expand_path(const char *from, const char *account, struct buf *out, struct err *e)
{
	if (from[0] == '~' && (from[1] == '/' || from[1] == '\0')) {
		const char *home = getenv("HOME");
		struct passwd *pw = home == NULL || *home == '\0' ? getpwuid(getuid()) : NULL;
		if (pw != NULL)
			home = pw->pw_dir;
		if (home == NULL || *home == '\0')
			return err_set(e, ERR_USAGE, E_CONFIG,
				"\"~\" cannot be resolved: there is no home folder");
		buf_add_str(out, home);
		from++;
	}
	for (; *from != '\0'; from++) {
		if (*from != '%') {
			buf_add_byte(out, (unsigned char)*from);
		} else if (from[1] == 'a') {
			buf_add_str(out, account);
			from++;
		} else if (from[1] == '%') {
			buf_add_byte(out, '%');
			from++;
		} else {
			uint32_t cp;
			char shown[16];
			size_t n = utf8_next(slice_str(from + 1), &cp);
			struct slice bad = slice_of(from + 1, n > 0 ? n : from[1] != '\0');
			return err_set(e, ERR_USAGE, E_CONFIG,
				"unknown escape %%%s (there are %%a and %%%%)",
				text_show(shown, sizeof shown, bad));
		}
	}
	return buf_check(out, "a path", e);
}

static int finish_path(char **path, const char *account, const char *key, struct err *e)
{
	if (*path == NULL)
		return 0;
	struct buf out = BUF_INIT(4096);
	if (expand_path(*path, account, &out, e) != 0) {
		buf_release(&out);
		return err_context(e, "account \"%s\": %s", account, key);
	}
	free(*path);
	*path = buf_take(&out);
	return *path != NULL ? 0 : err_nomem(e, "the configuration");
}

static bool gives(const struct config_account *a, const char *key)
{
	return (a->given & (UINT64_C(1) << config_key_find(key))) != 0;
}

int config_finish(const struct config *c, struct config_account *a, struct err *e)
{
	/* A command that reaches the server brings its own protection. */
	if (a->tunnel.n > 0 && !gives(a, "tls"))
		a->security = IMAP4_CLEAR;
	if (a->host == NULL && a->tunnel.n == 0)
		return err_set(e, ERR_USAGE, E_CONFIG,
			"account \"%s\" (line %u of %s): \"host\" is missing", a->name, a->line,
			c->file);
	if (a->user == NULL && a->tunnel.n == 0)
		return err_set(e, ERR_USAGE, E_CONFIG,
			"account \"%s\" (line %u of %s): \"user\" is missing", a->name, a->line,
			c->file);
	if (a->path == NULL) {
		a->default_path = true;
		a->path = strdup("~/mail-backup/%a");
		if (a->path == NULL)
			return err_nomem(e, "the configuration");
	}
	if (finish_path(&a->path, a->name, "path", e) != 0 ||
		finish_path(&a->ca_file, a->name, "tls-ca-file", e) != 0 ||
		finish_path(&a->client_cert, a->name, "tls-client-cert", e) != 0 ||
		finish_path(&a->client_key, a->name, "tls-client-key", e) != 0 ||
		finish_path(&a->password_file, a->name, "password-file", e) != 0)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		const struct config_account *b = &c->account[i];
		if (b != a && b->path != NULL && strcmp(a->path, b->path) == 0)
			return err_set(e, ERR_USAGE, E_CONFIG,
				"accounts \"%s\" and \"%s\" have the same path %s", b->name,
				a->name, a->path);
	}
	return 0;
}

void config_to_sync(const struct config_account *a, struct sync_account *out)
{
	*out = (struct sync_account){
		.name = a->name,
		.host = a->host,
		.port = (uint16_t)a->port,
		.security = a->security,
		.tunnel = a->tunnel.n > 0 ? (const char *const *)a->tunnel.at : NULL,
		.ca_file = a->ca_file,
		.client_cert = a->client_cert,
		.client_key = a->client_key,
		.pins = (const char *const *)a->pins.at,
		.npins = a->pins.n,
		.pin_only = a->pin_only,
		.allow_cleartext = a->allow_cleartext,
		.user = a->user,
		.authzid = a->authzid,
		.mechanism = a->auth != NULL && strcmp(a->auth, "auto") != 0 ? a->auth : NULL,
		.folders = {a->folders.at, a->folders.n},
		.exclude = {a->exclude.at, a->exclude.n},
		.subscribed_only = a->subscribed_only,
		.path = a->path,
		.layout = a->layout,
		.newline = a->newline,
		.connections = a->connections,
		.window = a->window,
		.compress = a->compress,
		.max_message_size = a->max_message_size,
		.byte_budget = a->byte_budget,
		.audit_every = a->audit_every,
		.send_id = !a->no_id,
		.idle_ms = a->timeout_s * 1000,
		.disable = (const char *const *)a->disable.at,
	};
}

/* ---- URLs ----------------------------------------------------------------------------------------- */

static const struct scheme {
	const char *prefix;
	imap4_security security;
} schemes[] = {{"imaps://", IMAP4_TLS}, {"imap://", IMAP4_STARTTLS}};

static const struct scheme *find_scheme(const char *s)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (strncmp(s, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			return &schemes[i];
	return NULL;
}

bool config_is_url(const char *s)
{
	return find_scheme(s) != NULL;
}

/* %XX in the user part; plain text otherwise. NULL when malformed or out of memory. */
static char *decode_user(const char *s, size_t n)
{
	char *out = malloc(n + 1);
	size_t len = 0;
	for (size_t i = 0; out != NULL && i < n; i++) {
		unsigned char byte = (unsigned char)s[i];
		if (byte == '%') {
			char hex[3] = "";
			if (n - i > 2)
				memcpy(hex, &s[i + 1], 2);
			if (!hex_parse(hex, 1, &byte) || byte == '\0') {
				free(out);
				return NULL;
			}
			i += 2;
		}
		out[len++] = (char)byte;
	}
	if (out != NULL)
		out[len] = '\0';
	return out;
}

/* "host", "host:port", "[v6]:port"; what follows a '/' must be empty. */
static int parse_authority(struct config_account *a, const char *s, const char *url, struct err *e)
{
	size_t n = strcspn(s, "/");
	if (s[n] == '/' && s[n + 1] != '\0')
		return err_set(e, ERR_USAGE, E_USAGE,
			"%s: give the account only; choose folders with --folder", url);
	const char *colon = NULL;
	size_t host_len = n;
	if (s[0] == '[') {
		const char *close = memchr(s, ']', n);
		if (close == NULL || (close + 1 < s + n && close[1] != ':'))
			return err_set(e, ERR_USAGE, E_USAGE,
				"%s: an IPv6 address is written [ADDRESS] or [ADDRESS]:PORT", url);
		colon = close[1] == ':' ? close + 1 : NULL;
		s++;
		n--;
		host_len = (size_t)(close - s);
	} else if ((colon = memchr(s, ':', n)) != NULL) {
		host_len = (size_t)(colon - s);
	}
	uint64_t port = 0;
	if (colon != NULL &&
		(!slice_u64(slice_of(colon + 1, n - (size_t)(colon + 1 - s)), 65535, &port) ||
			port == 0))
		return err_set(e, ERR_USAGE, E_USAGE,
			"%s: the port must be a number from 1 to 65535", url);
	if (host_len == 0)
		return err_set(e, ERR_USAGE, E_USAGE, "%s: there is no host", url);
	a->port = (unsigned)port;
	a->host = strndup(s, host_len);
	return a->host != NULL ? 0 : err_nomem(e, "the account");
}

int config_add_url(struct config *c, const char *url, struct config_account **out, struct err *e)
{
	const struct scheme *scheme = find_scheme(url);
	if (scheme == NULL)
		return err_set(e, ERR_USAGE, E_USAGE, "\"%s\" is no imaps:// or imap:// URL", url);
	const char *rest = url + strlen(scheme->prefix);
	/* The last '@': a mail address as user name is common, and needs no %40 here. */
	const char *at = strrchr(rest, '@');
	if (at == NULL || at == rest)
		return err_set(e, ERR_USAGE, E_USAGE, "%s: give the user as well: %suser@host", url,
			scheme->prefix);
	if (memchr(rest, ':', (size_t)(at - rest)) != NULL)
		return err_set(e, ERR_USAGE, E_USAGE,
			"do not put a password on the command line, where everybody can see it: leave it out and it will be asked for");
	char *user = decode_user(rest, (size_t)(at - rest));
	if (user == NULL)
		return err_set(e, ERR_USAGE, E_USAGE, "%s: the user name has a wrong %%XX", url);
	struct config_account *a = add_account(c, "", 0, e);
	if (a == NULL) {
		free(user);
		return -1;
	}
	a->user = user;
	a->security = scheme->security;
	if (parse_authority(a, at + 1, url, e) != 0)
		return -1;
	free(a->name);
	a->name = NULL;
	if (asprintf(&a->name, "%s%s%s", a->user, strchr(a->user, '@') != NULL ? "" : "@",
		    strchr(a->user, '@') != NULL ? "" : a->host) < 0) {
		a->name = NULL;
		return err_nomem(e, "the account");
	}
	/* The name becomes a folder. */
	for (char *p = a->name; *p != '\0'; p++)
		if (*p == '/' || (unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '_';
	*out = a;
	return 0;
}
