/* Every branch of the module, loaded as an application loads it. @param argv[1] pam_trasa.so */
#include "fake_pam.h"
#include "tap.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DECISION(verdict, reason, text, exit, pam)                                                                     \
	"< decision verdict=" verdict " reason=" reason " id=01JD0000000000000000000000 text=" text " exit=" exit          \
	" pam=" pam " motd=no record=no sftp=\n"
#define ALLOW DECISION("allow", "totp", "", "0", "PAM_SUCCESS")
#define BYPASS(rule) DECISION("bypass", rule, "", "0", "PAM_SUCCESS")
#define DENY(pam) DECISION("deny", "wrong-code", "Wrong%20code.", "77", pam)
#define ATTEMPT "> attempt \n"
#define PROMPT "< prompt id=1 echo=yes text=Code:%20\n"

typedef int entry(pam_handle_t *, int, int, const char **);
static entry *authenticate, *account, *setcred;

static bool is_code(int found, int expected, const char *title)
{
	if (ok(found == expected, "%s", title))
		return true;
	printf("# returned %d, expected %d\n", found, expected);
	return false;
}

static bool is_text(const char *found, const char *expected, const char *title)
{
	if (ok(strcmp(found, expected) == 0, "%s", title))
		return true;
	printf("# found: %s\n# expected: %s\n", found, expected);
	return false;
}

/* Calls with the handle's socket and up to two more options. */
static int call(entry *function, pam_handle_t *pamh, int flags, const char *first, const char *second)
{
	char socket[128];
	const char *options[3] = {socket, first, second};

	snprintf(socket, sizeof socket, "socket=%s", pamh->path);
	return function(pamh, flags, first == NULL ? 1 : second == NULL ? 2 : 3, options);
}

/* One call of `function` against the daemon of `script`. */
static int run(pam_handle_t *pamh, entry *function, const char *script)
{
	play(pamh, script);
	return call(function, pamh, 0, NULL, NULL);
}

/* One login of its own, in the auth phase, by somebody who types `answer` at the first question. */
static int login(const char *script, const char *answer)
{
	pam_handle_t *pamh = start("sshd", "alice");

	pamh->answers[0] = answer;
	int code = run(pamh, authenticate, script);
	if (!played(pamh))
		code = -1;
	finish(pamh);
	return code;
}

static void exports(void *module)
{
	static const char *const absent[] = {"pam_sm_open_session", "pam_sm_close_session", "pam_sm_chauthtok"};

	ok(authenticate != NULL && account != NULL && setcred != NULL, "the functions of the auth and account phases are there");
	for (size_t i = 0; i < 3; i++)
		ok(dlsym(module, absent[i]) == NULL, "%s is not there", absent[i]);
}

static void denials(void)
{
	static const struct {
		const char *name;
		int code;
	} words[] = {
		{"PAM_AUTH_ERR", PAM_AUTH_ERR},
		{"PAM_MAXTRIES", PAM_MAXTRIES},
		{"PAM_USER_UNKNOWN", PAM_USER_UNKNOWN},
		{"PAM_AUTHINFO_UNAVAIL", PAM_AUTHINFO_UNAVAIL},
		{"PAM_SERVICE_ERR", PAM_SERVICE_ERR},
		{"PAM_CONV_ERR", PAM_CONV_ERR},
		{"PAM_ABORT", PAM_ABORT},
		{"PAM_PERM_DENIED", PAM_PERM_DENIED},
		{"PAM_SYSTEM_ERR", PAM_SYSTEM_ERR},
		/* what no daemon of ours says */
		{"PAM_SUCCESS", PAM_SYSTEM_ERR},
		{"PAM_IGNORE", PAM_SYSTEM_ERR},
		{"PAM_NEW_AUTHTOK_REQD", PAM_SYSTEM_ERR},
		{"PAM_INCOMPLETE", PAM_SYSTEM_ERR},
		{"PAM_CRED_ERR", PAM_SYSTEM_ERR},
		{"PAM_NONSENSE", PAM_SYSTEM_ERR},
		{"PAM_success", PAM_SYSTEM_ERR},
		{"PAM_", PAM_SYSTEM_ERR},
		{"25", PAM_SYSTEM_ERR},
		{"", PAM_SYSTEM_ERR},
	};
	char script[512], title[128];

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		for (int phase = 0; phase < 2; phase++) {
			pam_handle_t *pamh = start("sshd", "alice");
			snprintf(script, sizeof script,
				 ATTEMPT "< decision verdict=deny reason=wrong-code id=x text= exit=77 pam=%s motd=no "
					 "record=no sftp=\n", words[i].name);
			int code = run(pamh, phase == 0 ? authenticate : account, script);
			snprintf(title, sizeof title, "%s: a denial with pam=%s", phase == 0 ? "auth" : "account", words[i].name);
			is_code(code, words[i].code, title);
			if (phase == 0)
				is_code(setcred(pamh, 0, 0, NULL), PAM_CRED_ERR, "… and no credentials after it");
			finish(pamh);
		}
}

static void entries(void)
{
	static const struct {
		const char *title;
		const char *decision;
		const char *option;
		int code;
	} cases[] = {
		{"allow", ALLOW, NULL, PAM_SUCCESS},
		{"allow is no exemption", ALLOW, "exempt=ignore", PAM_SUCCESS},
		{"allow for a reason named like an exemption", DECISION("allow", "exempt-user", "", "0", "PAM_SUCCESS"),
		 "exempt=ignore", PAM_SUCCESS},
		{"bypass", BYPASS("exempt-user"), NULL, PAM_SUCCESS},
		{"an exempt user with exempt=ignore", BYPASS("exempt-user"), "exempt=ignore", PAM_IGNORE},
		{"an exempt group with exempt=ignore", BYPASS("exempt-group"), "exempt=ignore", PAM_IGNORE},
		{"an account that needs no factor with exempt=ignore", BYPASS("not-required"), "exempt=ignore", PAM_IGNORE},
		{"grace is no exemption", BYPASS("grace"), "exempt=ignore", PAM_SUCCESS},
		{"passthru is no exemption", BYPASS("server-passthru"), "exempt=ignore", PAM_SUCCESS},
		{"an absent server is no exemption", BYPASS("fail-safe"), "exempt=ignore", PAM_SUCCESS},
		{"a denial is no exemption", DECISION("deny", "exempt-user", "", "77", "PAM_AUTH_ERR"), "exempt=ignore",
		 PAM_AUTH_ERR},
		{"allow with PAM_AUTH_ERR", DECISION("allow", "totp", "", "0", "PAM_AUTH_ERR"), NULL, PAM_SYSTEM_ERR},
		{"allow with PAM_IGNORE", DECISION("allow", "totp", "", "0", "PAM_IGNORE"), NULL, PAM_SYSTEM_ERR},
		{"bypass with PAM_IGNORE", DECISION("bypass", "exempt-user", "", "0", "PAM_IGNORE"), "exempt=ignore",
		 PAM_SYSTEM_ERR},
		{"allow with an exit status", DECISION("allow", "totp", "", "1", "PAM_SUCCESS"), NULL, PAM_SYSTEM_ERR},
		{"an unknown verdict", DECISION("success", "totp", "", "0", "PAM_SUCCESS"), NULL, PAM_SYSTEM_ERR},
		{"allow, if it is recorded",
		 "< decision verdict=allow reason=totp id=x text= exit=0 pam=PAM_SUCCESS motd=no record=yes sftp=\n", NULL,
		 PAM_SYSTEM_ERR},
	};
	char script[1024], title[160];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int phase = 0; phase < 2; phase++) {
			pam_handle_t *pamh = start("sshd", "alice");
			snprintf(script, sizeof script, ATTEMPT "%s", cases[i].decision);
			play(pamh, script);
			int code = call(phase == 0 ? authenticate : account, pamh, 0, cases[i].option, NULL);
			snprintf(title, sizeof title, "%s: %s", phase == 0 ? "auth" : "account", cases[i].title);
			is_code(code, cases[i].code, title);
			finish(pamh);
		}
}

/* The attempt line as it went over the socket, without its LF. */
static const char *attempt_of(pam_handle_t *pamh, entry *function, const char *option)
{
	play(pamh, "> \n" ALLOW "|\n");
	call(function, pamh, 0, option, NULL);
	played(pamh);
	pamh->heard[strcspn(pamh->heard, "\n")] = '\0';
	return pamh->heard;
}

static void facts(void)
{
	pam_handle_t *pamh = start("sshd", "alice");

	is_text(attempt_of(pamh, authenticate, NULL),
		"attempt version=1 door=pam service=sshd account=alice phase=auth interactive=yes withdraw=no",
		"facts that are absent are not stated");
	finish(pamh);

	pamh = start("sshd", "alice");
	pamh->rhost = "client.example.com";
	pamh->ruser = "bob";
	pamh->tty = "/dev/pts/3";
	pamh->connection = "2001:db8::7 50000 192.0.2.1 22";
	pamh->authinfo = "publickey ssh-ed25519 AAAAC3Nz+a/b=\npassword\n";
	is_text(attempt_of(pamh, authenticate, "prompt=trasa"),
		"attempt version=1 door=pam service=sshd account=alice rhost=client.example.com ruser=bob tty=/dev/pts/3 "
		"connection=2001:db8::7%2050000%20192.0.2.1%2022 phase=auth interactive=yes withdraw=no style=trasa "
		"authinfo=publickey%20ssh-ed25519%20AAAAC3Nz+a/b%3D%0Apassword%0A",
		"facts that PAM and sshd know are stated");
	finish(pamh);

	pamh = start("sshd", "alice");
	pamh->tty = "ssh";
	ok(strstr(attempt_of(pamh, authenticate, NULL), " tty=") == NULL, "sshd's placeholder for a terminal is none");
	finish(pamh);

	pamh = start("login", "alice");
	ok(strstr(attempt_of(pamh, authenticate, "first=password"), " first=password ") != NULL,
	   "first=password says that a password was proved");
	finish(pamh);

	pamh = start("login", "alice");
	pamh->authtok = "secret";
	is_text(attempt_of(pamh, authenticate, NULL),
		"attempt version=1 door=pam service=login account=alice authtok=yes phase=auth interactive=yes withdraw=no",
		"that a password was asked for is stated, and not which");
	finish(pamh);

	pamh = start("sshd", "");
	is_code(call(authenticate, pamh, 0, NULL, NULL), PAM_USER_UNKNOWN, "an empty name is no user");
	pamh->user = NULL;
	is_code(call(authenticate, pamh, 0, NULL, NULL), PAM_CONV_ERR, "a name that cannot be asked for is a failed conversation");
	is_code(call(account, pamh, 0, NULL, NULL), PAM_CONV_ERR, "in the account phase, too");
	finish(pamh);

	pamh = start(NULL, "al\xff" "ice");
	pamh->rhost = pamh->tty = pamh->authinfo = "";
	is_text(attempt_of(pamh, account, NULL),
		"attempt version=1 door=pam service=unknown account=al%EF%BF%BDice phase=account interactive=no withdraw=no",
		"empty facts are absent; bytes that are no UTF-8 match no account; the account phase is not interactive");
	finish(pamh);

	pamh = start("login", "alice");
	pamh->no_conv = true;
	ok(strstr(attempt_of(pamh, authenticate, NULL), " interactive=no ") != NULL, "without a conversation nothing can be asked");
	finish(pamh);
}

static void long_facts(void)
{
	static char text[6000];
	pam_handle_t *pamh = start("sshd", text);

	memset(text, 'a', sizeof text - 1);
	text[256] = '\0';
	ok(strstr(attempt_of(pamh, authenticate, NULL), text) != NULL, "an account of 256 bytes is stated");
	text[256] = 'a';
	text[257] = '\0';
	is_code(call(authenticate, pamh, 0, NULL, NULL), PAM_USER_UNKNOWN, "a longer one is no account");
	finish(pamh);

	const char **items[5];
	pamh = start("sshd", "alice");
	items[0] = &pamh->service;
	items[1] = &pamh->rhost;
	items[2] = &pamh->ruser;
	items[3] = &pamh->tty;
	items[4] = &pamh->connection;
	for (size_t i = 0; i < 5; i++) {
		const char *kept = *items[i];
		*items[i] = text;
		is_code(call(authenticate, pamh, 0, NULL, NULL), PAM_SYSTEM_ERR, "an item that is too long denies, and asks nobody");
		*items[i] = kept;
	}
	finish(pamh);

	text[257] = 'a';
	text[4096] = '\0';
	pamh = start("sshd", "alice");
	pamh->authinfo = text;
	ok(strstr(attempt_of(pamh, authenticate, NULL), text) != NULL, "4096 bytes of SSH_AUTH_INFO_0 are stated");
	text[4000] = '\n';
	text[4096] = 'a';
	text[4097] = '\0';
	const char *found = strstr(attempt_of(pamh, authenticate, NULL), " authinfo=");
	ok(found != NULL && strlen(found) == strlen(" authinfo=") + 4000, "of more, the whole lines that fit");
	text[4000] = 'a';
	ok(strstr(attempt_of(pamh, authenticate, NULL), "authinfo") == NULL, "if no whole line fits, none");
	memset(text, ' ', 4096);
	text[100] = text[2000] = '\n';
	text[4096] = '\0';
	found = strstr(attempt_of(pamh, authenticate, NULL), " authinfo=");
	ok(found != NULL && strlen(found) == strlen(" authinfo=") + 3 * 2000, "what grows by its encoding is cut as well");
	finish(pamh);
}

static void commands(const char *command_line)
{
	static char expected[1024];
	pam_handle_t *pamh;

	pamh = start("sudo", "alice");
	snprintf(expected, sizeof expected, " account=alice command=%s phase=auth ", command_line);
	ok(strstr(attempt_of(pamh, authenticate, NULL), expected) != NULL, "sudo: its caller is asked, and its command stated");
	finish(pamh);
	pamh = start("sshd", "alice");
	ok(strstr(attempt_of(pamh, authenticate, NULL), "command=") == NULL, "sshd's own command line is nobody's business");
	finish(pamh);
	pamh = start("su", "bob");
	snprintf(expected, sizeof expected, " account=bob command=%s phase=auth ", command_line);
	ok(strstr(attempt_of(pamh, authenticate, NULL), expected) != NULL, "su to a person asks that person");
	finish(pamh);
	pamh = start("su-l", "root");
	pamh->ruser = "mallory";
	snprintf(expected, sizeof expected, " account=caller ruser=mallory command=as%%20root:%%20%s phase=auth ", command_line);
	ok(strstr(attempt_of(pamh, authenticate, NULL), expected) != NULL,
	   "su to root asks whom the kernel says called, and says that it is for root");
	finish(pamh);
	pamh = start("su", "toor");
	ok(strstr(attempt_of(pamh, authenticate, NULL), " account=caller ") != NULL, "root by another name is root");
	finish(pamh);
	pamh = start("su", "nobody-knows");
	ok(strstr(attempt_of(pamh, authenticate, NULL), " account=nobody-knows ") != NULL, "su to nobody asks that nobody");
	finish(pamh);
	pamh = start("sshd", "root");
	ok(strstr(attempt_of(pamh, authenticate, NULL), " account=root ") != NULL, "elsewhere root is root");
	finish(pamh);
}

static void conversation(void)
{
	pam_handle_t *pamh = start("sshd", "alice");

	pamh->answers[0] = "secret 12\xff";
	pamh->answers[1] = "";
	wiped_secrets = 0;
	is_code(run(pamh, authenticate,
		    ATTEMPT "< prompt id=3 echo=no text=Code:%20\n> answer id=3 text=secret%2012%EF%BF%BD\n"
			    "< error text=Wrong%20%1B%5B2J%C2%9B%0A.\n< info text=%E2%82%AC\n"
			    "< prompt id=7 echo=yes text=Again:%20\n> answer id=7 text=\n"
			    DECISION("allow", "push", "Welcome.", "0", "PAM_SUCCESS")),
		PAM_SUCCESS, "questions and texts are relayed");
	ok(played(pamh), "… as the daemon expects it");
	is_text(pamh->shown, "off: Code: \nerror: Wrong ?[2J???.\ninfo: \xe2\x82\xac\non: Again: \ninfo: Welcome.\n",
		"… each in its style, without control characters");
	ok(wiped_secrets == 3, "… and what was typed is wiped wherever it lay");
	ok(!pamh->leaks, "… and the socket would not survive an exec");
	finish(pamh);

	pamh = start("sshd", "alice");
	pamh->answers[0] = "1";
	play(pamh, ATTEMPT "< info text=hidden\n" PROMPT "> answer id=1 text=1\n< error text=hidden\n" DENY("PAM_MAXTRIES"));
	is_code(call(authenticate, pamh, (int)PAM_SILENT, NULL, NULL), PAM_MAXTRIES, "PAM_SILENT: the dialogue is the same");
	is_text(pamh->shown, "on: Code: \n", "PAM_SILENT: nothing but the questions is shown");
	finish(pamh);

	pamh = start("sshd", "alice");
	is_code(run(pamh, account, ATTEMPT "< info text=Push%20sent.\n" DENY("PAM_MAXTRIES")), PAM_MAXTRIES, "account: refused");
	is_text(pamh->shown, "info: Push sent.\nerror: Wrong code.\n", "account: texts are shown");
	finish(pamh);
	pamh = start("sshd", "alice");
	is_code(run(pamh, account, ATTEMPT PROMPT "> unable id=1\n" DENY("PAM_CONV_ERR")), PAM_CONV_ERR,
		"account: a question is not put");
	ok(played(pamh) && pamh->asked == 0, "… but answered with `unable`");
	finish(pamh);
	pamh = start("cron", "alice");
	pamh->no_conv = true;
	is_code(run(pamh, account, ATTEMPT "< info text=x\n" ALLOW), PAM_SUCCESS, "text that nobody can see is no failure");
	finish(pamh);

	is_code(login(ATTEMPT PROMPT "> cancel\n|\n", NULL), PAM_CONV_ERR, "a conversation that fails cancels the login");
	is_code(login(ATTEMPT PROMPT "> cancel\n|\n", "\b"), PAM_CONV_ERR, "so does one without an answer");
	is_code(login(ATTEMPT PROMPT "~ 50\n", "secret"), PAM_AUTHINFO_UNAVAIL, "an answer to a daemon that has gone is no SIGPIPE");
	is_code(login(ATTEMPT PROMPT ALLOW, "secret"), PAM_SUCCESS, "a decision over an open question counts");
	is_code(login(ATTEMPT PROMPT "< withdraw id=1\n< prompt id=2 echo=yes text=x\n> answer id=1 text=y\n> cancel\n|\n", "y"),
		PAM_CONV_ERR, "a question that was taken back meanwhile is answered, and the next one put");
	is_code(login(DENY("PAM_AUTHINFO_UNAVAIL"), NULL), PAM_AUTHINFO_UNAVAIL, "a daemon that is full may say so unasked");

	static char text[2000];
	memset(text, 'x', 600);
	is_code(login(ATTEMPT PROMPT "> answer id=1 text=xxx\n" DENY("PAM_MAXTRIES"), text), PAM_MAXTRIES, "a paste of any length …");
	pamh = start("sshd", "alice");
	pamh->answers[0] = text;
	is_code(run(pamh, authenticate, ATTEMPT PROMPT "> answer \n" DENY("PAM_MAXTRIES")), PAM_MAXTRIES, "… is an answer");
	played(pamh);
	ok(strlen(strstr(pamh->heard, "answer")) == strlen("answer id=1 text=\n") + 512, "… of 512 bytes");
	finish(pamh);
	pamh = start("sshd", "alice");
	text[0] = '\0';
	strcat(text, ATTEMPT "< info text=");
	memset(text + strlen(text), 'm', 1024);
	strcat(text, "\n" ALLOW);
	is_code(run(pamh, authenticate, text), PAM_SUCCESS, "a text of 1024 bytes …");
	ok(strlen(pamh->shown) == strlen("info: \n") + 511, "… is shown as far as PAM_MAX_MSG_SIZE lets it");
	finish(pamh);
}

static void bad_daemons(void)
{
	static char long_text[2048], long_line[9000], title[128];

	strcpy(long_text, ATTEMPT "< info text=");
	memset(long_text + strlen(long_text), 'm', 1025);
	strcat(long_text, "\n" ALLOW);
	strcpy(long_line, ATTEMPT "+ info text=");
	memset(long_line + strlen(long_line), 'm', 8192);
	strcat(long_line, "\n|\n");
	static const struct {
		const char *title;
		const char *script;
		int code;
	} cases[] = {
		{"nothing, and goes", ATTEMPT, PAM_AUTHINFO_UNAVAIL},
		{"goes before it listens", "", PAM_AUTHINFO_UNAVAIL},
		{"half a decision", ATTEMPT "+ decision verdict=allow reason=totp id=x text= exit=0 pam=PAM_SUCCESS", PAM_AUTHINFO_UNAVAIL},
		{"a whole decision without its line end",
		 ATTEMPT "+ decision verdict=allow reason=totp id=x text= exit=0 pam=PAM_SUCCESS motd=no record=no sftp=",
		 PAM_AUTHINFO_UNAVAIL},
		{"garbage", ATTEMPT "< \x01\xff\x80 what?\n" ALLOW, PAM_SYSTEM_ERR},
		{"an empty line", ATTEMPT "< \n" ALLOW, PAM_SYSTEM_ERR},
		{"HTTP", ATTEMPT "< HTTP/1.1 200 OK\n", PAM_SYSTEM_ERR},
		{"an unknown verb", ATTEMPT "< panic\n" ALLOW, PAM_SYSTEM_ERR},
		{"a recording's verb", ATTEMPT "< recorded\n" ALLOW, PAM_SYSTEM_ERR},
		{"a question before it has the facts", PROMPT ATTEMPT ALLOW, PAM_SUCCESS}, /* nobody can tell: they crossed */
		{"a question that is not one", ATTEMPT "< prompt id=1 echo=maybe text=x\n", PAM_SYSTEM_ERR},
		{"a question without an id", ATTEMPT "< prompt echo=yes text=x\n", PAM_SYSTEM_ERR},
		{"a question with id 0", ATTEMPT "< prompt id=0 echo=yes text=x\n", PAM_SYSTEM_ERR},
		{"a question with an endless id", ATTEMPT "< prompt id=99999999999999999999 echo=yes text=x\n", PAM_SYSTEM_ERR},
		{"a question again", ATTEMPT PROMPT PROMPT, PAM_SYSTEM_ERR},
		{"takes back what it never asked", ATTEMPT "< withdraw id=1\n" ALLOW, PAM_SYSTEM_ERR},
		{"a text that is too long", long_text, PAM_SYSTEM_ERR},
		{"a decision without its text",
		 ATTEMPT "< decision verdict=allow reason=x id=x exit=0 pam=PAM_SUCCESS motd=no record=no sftp=\n",
		 PAM_SYSTEM_ERR},
		{"allow with a field twice",
		 ATTEMPT "< decision verdict=allow verdict=allow reason=x id=x text= exit=0 pam=PAM_SUCCESS motd=no record=no "
			 "sftp=\n",
		 PAM_SYSTEM_ERR},
		{"a line without end", long_line, PAM_SYSTEM_ERR},
		{"text without end", ATTEMPT "% 2000 info text=x\n", PAM_SYSTEM_ERR},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(title, sizeof title, "a daemon says %s", cases[i].title);
		pam_handle_t *pamh = start("sshd", "alice");
		pamh->answers[0] = pamh->answers[1] = "1";
		is_code(run(pamh, authenticate, cases[i].script), cases[i].code, title);
		ok(pamh->asked + pamh->told <= 32, "… and the person sees 32 messages at most");
		ok(cases[i].code == PAM_SUCCESS || strstr(pamh->logged, "daemon") != NULL, "… and the log says so");
		finish(pamh);
	}

	static char flood[4096];
	pam_handle_t *pamh = start("sshd", "alice");
	strcpy(flood, ATTEMPT "< info text=x\n");
	for (int i = 1; i <= 33; i++) {
		sprintf(flood + strlen(flood), "< prompt id=%d echo=yes text=Code:\n%s", i,
			i <= 31 ? "> answer\n" : "> cancel\n|\n");
		pamh->answers[i] = "1";
		if (i == 32)
			break;
	}
	pamh->answers[0] = "1";
	is_code(run(pamh, authenticate, flood), PAM_SYSTEM_ERR, "a daemon that asks without end is given up");
	ok(played(pamh) && pamh->asked == 31 && pamh->told == 1, "… after 32 messages in all");
	finish(pamh);
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void deadlines(void)
{
	static const struct {
		const char *title;
		const char *script;
	} cases[] = {
		{"a daemon that is silent", ATTEMPT "|\n"},
		{"a daemon that drips", ATTEMPT ". info\n"},
		{"a daemon that is late", ATTEMPT "~ 2500\n" ALLOW "|\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		pam_handle_t *pamh = start("sshd", "alice");
		play(pamh, cases[i].script);
		long long began = now();
		/* Not PAM_AUTHINFO_UNAVAIL: a stack that forgives an absent daemon must not forgive who waits. */
		is_code(call(authenticate, pamh, 0, "timeout=1", NULL), PAM_ABORT, cases[i].title);
		ok(now() - began >= 950 && now() - began < 20000, "… ends by the module's own deadline");
		finish(pamh);
	}
	is_code(login(ATTEMPT "+ decision verdict=allow reason=totp id=x text= ex\n~ 60\n"
			      "+ it=0 pam=PAM_SUCCESS motd=no record=no sftp=\n~ 60\n<\n", NULL),
		PAM_SUCCESS, "a line may come in pieces");
}

static void two_phases(void)
{
	pam_handle_t *pamh = start("sshd", "alice");

	is_code(setcred(pamh, 0, 0, NULL), PAM_SUCCESS, "setcred: sshd needs it where the auth phase was in another process, or none");
	is_code(run(pamh, authenticate, ATTEMPT ALLOW), PAM_SUCCESS, "auth: allowed");
	played(pamh);
	is_code(setcred(pamh, 0, 0, NULL), PAM_SUCCESS, "setcred after that");
	is_code(call(account, pamh, 0, NULL, NULL), PAM_SUCCESS, "account after that: no daemon is asked again");
	is_code(call(account, pamh, 0, "exempt=ignore", NULL), PAM_SUCCESS, "a factor that was proved is not ignored");
	is_code(run(pamh, authenticate, ATTEMPT DENY("PAM_MAXTRIES")), PAM_MAXTRIES, "auth again on the same handle: denied");
	played(pamh);
	is_code(setcred(pamh, 0, 0, NULL), PAM_CRED_ERR, "setcred after that fails");
	is_code(run(pamh, account, ATTEMPT DENY("PAM_PERM_DENIED")), PAM_PERM_DENIED, "account after that asks");
	finish(pamh);

	pamh = start("sudo", "alice");
	is_code(run(pamh, authenticate, ATTEMPT ALLOW), PAM_SUCCESS, "auth: alice is allowed");
	played(pamh);
	pamh->user = "bob";
	is_code(run(pamh, account, ATTEMPT DENY("PAM_PERM_DENIED")), PAM_PERM_DENIED, "account: that says nothing of bob");
	finish(pamh);

	pamh = start("sshd", "alice");
	is_code(run(pamh, authenticate, ATTEMPT BYPASS("exempt-user")), PAM_SUCCESS, "auth: exempt");
	played(pamh);
	is_code(call(account, pamh, 0, NULL, NULL), PAM_SUCCESS, "account: exempt");
	is_code(call(account, pamh, 0, "exempt=ignore", NULL), PAM_IGNORE, "account: exempt, and this line ignores it");
	finish(pamh);
}

static void no_room(void)
{
	pam_handle_t *pamh = start("sshd", "alice"), *others[4];

	pamh->no_memory = true;
	is_code(call(authenticate, pamh, 0, NULL, NULL), PAM_BUF_ERR, "what the account phase must know cannot be kept: nobody is asked");
	finish(pamh);

	/* A daemon that does not accept: its backlog (1) fills, and connect(2) waits. */
	pamh = start("sshd", "alice");
	hang(pamh);
	for (int i = 0; i < 4; i++)
		others[i] = start("sshd", "alice");
	int code = PAM_ABORT;
	for (int i = 0; i < 4 && code == PAM_ABORT; i++) {
		strcpy(others[i]->path, pamh->path);
		code = call(authenticate, others[i], 0, "timeout=1", NULL);
	}
	is_code(code, PAM_AUTHINFO_UNAVAIL, "a daemon that accepts nobody is not available, once its backlog is full");
	for (int i = 0; i < 4; i++)
		finish(others[i]);
	finish(pamh);
}

static void options(void)
{
	static const char *const bad[] = {"", "Debug", "debug=yes", "sockets=/x", "socket=", "socket=agent.sock", "timeout=",
					  "timeout=0", "timeout=661", "timeout=5s", "timeout=-5", "timeout=0000005", "phase=",
					  "phase=session", "prompt=", "prompt=duo", "exempt=", "exempt=success", "exempt=ignore ",
					  "first=", "first=publickey",
					  "agent=", "agent=trasa-agent", "use_first_pass"};
	char title[160], path[256] = "socket=/";
	pam_handle_t *pamh;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		for (int phase = 0; phase < 2; phase++) {
			pamh = start("sshd", "alice");
			snprintf(title, sizeof title, "%s: the option '%s' is refused", phase == 0 ? "auth" : "account", bad[i]);
			is_code(call(phase == 0 ? authenticate : account, pamh, 0, bad[i], NULL), PAM_SERVICE_ERR, title);
			ok(bad[i][0] == '\0' || strstr(pamh->logged, bad[i]) != NULL, "… and logged");
			finish(pamh);
		}
	memset(path + strlen(path), 'x', 120);
	pamh = start("sshd", "alice");
	is_code(call(authenticate, pamh, 0, path, NULL), PAM_SERVICE_ERR, "a path that no socket can have is refused");
	is_code(call(account, pamh, 0, "phase=auth", NULL), PAM_IGNORE, "phase=auth: the account phase is left out");
	is_code(call(authenticate, pamh, 0, "phase=account", NULL), PAM_IGNORE, "phase=account: the auth phase is left out");
	play(pamh, ATTEMPT DENY("PAM_AUTH_ERR"));
	is_code(call(authenticate, pamh, 0, "phase=auth", "debug"), PAM_AUTH_ERR, "phase=auth: the auth phase is not");
	ok(played(pamh) && strstr(pamh->logged, "asking") != NULL && strstr(pamh->logged, "decided") != NULL, "debug logs more");
	play(pamh, ATTEMPT DENY("PAM_AUTH_ERR"));
	is_code(call(account, pamh, 0, "phase=account", NULL), PAM_AUTH_ERR, "phase=account: the account phase is not");
	finish(pamh);
}

/* The auth phase, with the socket of this handle's name in `directory`. */
static int call_in(pam_handle_t *pamh, const char *directory)
{
	char option[256];

	snprintf(option, sizeof option, "socket=%s%s", directory, strrchr(pamh->path, '/'));
	return call(authenticate, pamh, 0, option, NULL);
}

static void must(bool done, const char *what)
{
	if (!done)
		ok(false, "the test could not %s", what);
}

static void places(const char *place)
{
	pam_handle_t *pamh = start("sshd", "alice");
	char path[128];

	is_code(call_in(pamh, place), PAM_AUTHINFO_UNAVAIL, "no socket: the daemon is not available");
	ok(strstr(pamh->logged, "No such file") != NULL && strstr(pamh->shown, "does not answer") != NULL,
	   "… log and person are told");
	is_code(call_in(pamh, "/nowhere/at/all"), PAM_AUTHINFO_UNAVAIL, "no directory: nor is it");
	is_code(call_in(pamh, ""), PAM_AUTHINFO_UNAVAIL, "nor in the root directory");
	play(pamh, ATTEMPT ALLOW);
	must(chmod(place, 0770) == 0, "chmod");
	is_code(call_in(pamh, place), PAM_SERVICE_ERR, "a socket in a place that a group can write is not asked");
	must(chmod(place, 01777) == 0, "chmod");
	is_code(call_in(pamh, place), PAM_SERVICE_ERR, "nor in one that everybody can, sticky or not");
	must(chmod(place, 0755) == 0, "chmod");
	snprintf(path, sizeof path, "/tmp/pam-trasa-link-%d", (int)getpid());
	must(symlink(place, path) == 0, "symlink");
	is_code(call_in(pamh, path), PAM_SUCCESS, "a link leads to where it leads, and that place counts");
	unlink(path);
	finish(pamh);

	pamh = start("sshd", "alice");
	snprintf(path, sizeof path, "/tmp/pam-trasa-test-%d", (int)getpid());
	must(mkdir(path, 0755) == 0, "mkdir");
	is_code(call_in(pamh, path), PAM_SERVICE_ERR, "nothing below /tmp is a place for it");
	rmdir(path);
	finish(pamh);

	if (geteuid() != 0) {
		ok(true, "directories of other users # SKIP only root can make them");
		return;
	}
	pamh = start("sshd", "alice");
	play(pamh, ATTEMPT ALLOW);
	must(chown(place, 4711, 0) == 0, "chown");
	is_code(call_in(pamh, place), PAM_SUCCESS, "the last directory may be the daemon user's");
	snprintf(path, sizeof path, "%s/below", place);
	must(mkdir(path, 0755) == 0, "mkdir");
	is_code(call_in(pamh, path), PAM_SERVICE_ERR, "a directory above it may not");
	rmdir(path);
	must(chown(place, 0, 0) == 0, "chown");
	finish(pamh);
}

/* Leaves an agent of the test's own, which is this program, where only root could have put it. */
static bool make_agent(const char *self, char *directory, char *agent, size_t size)
{
	char command[512];

	strcpy(directory, "/root/pam-trasa-XXXXXX"); /* not /run, where nothing may be executed */
	if (geteuid() != 0 || mkdtemp(directory) == NULL)
		return false;
	snprintf(agent, size, "%s/trasa-agent", directory);
	snprintf(command, sizeof command, "cp %s %s && chmod 755 %s", self, agent, agent);
	return system(command) == 0;
}

/* One login of `user` where no daemon listens. Returns the module's code. */
static int start_agent(pam_handle_t *pamh, const char *agent, const char *more)
{
	char option[256];

	snprintf(option, sizeof option, "agent=%s", agent);
	return call(authenticate, pamh, 0, option, more);
}

static void agents(const char *self)
{
	char directory[64], agent[128], option[256];
	pam_handle_t *pamh;
	sigset_t some, before;

	if (!make_agent(self, directory, agent, sizeof agent)) {
		pamh = start("sshd", "alice");
		if (geteuid() != 0)
			is_code(start_agent(pamh, "/bin/true", NULL), PAM_SERVICE_ERR, "who is not root starts no agent");
		ok(true, "where no daemon listens # SKIP needs root, and a directory /root");
		finish(pamh);
		return;
	}
	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, &before);
	signal(SIGUSR2, SIG_IGN);
	must(setenv("NODE_OPTIONS", "--inspect", 1) == 0, "set a variable");
	int kept = dup(1); /* not closed on exec */
	pamh = start("sshd", "alice");
	pamh->answers[0] = "123456";
	is_code(start_agent(pamh, agent, NULL), PAM_SUCCESS, "where no daemon listens, the agent is started and asked");
	is_text(pamh->shown, "info: clean\non: Code: \n", "… with nothing of ours, and it asks");
	is_code(call(account, pamh, 0, NULL, NULL), PAM_SUCCESS, "… and the account phase knows");
	finish(pamh);
	close(kept);
	unsetenv("NODE_OPTIONS");
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);

	pamh = start("sshd", "bob");
	is_code(start_agent(pamh, agent, NULL), PAM_MAXTRIES, "an agent that denies");
	finish(pamh);
	pamh = start("sshd", "dies");
	is_code(start_agent(pamh, agent, NULL), PAM_AUTHINFO_UNAVAIL, "an agent that dies");
	finish(pamh);
	pamh = start("sshd", "waits");
	is_code(start_agent(pamh, agent, "timeout=1"), PAM_ABORT, "an agent that is silent");
	finish(pamh);
	pamh = start("sshd", "stays");
	is_code(start_agent(pamh, agent, NULL), PAM_MAXTRIES, "an agent that does not end when it should is ended");
	finish(pamh);
	signal(SIGCHLD, SIG_IGN);
	pamh = start("sshd", "bob");
	is_code(start_agent(pamh, agent, NULL), PAM_MAXTRIES, "an application that leaves its children to the kernel");
	finish(pamh);
	signal(SIGCHLD, SIG_DFL);
	ok(waitpid(-1, NULL, WNOHANG) == -1, "no child is left");

	pamh = start("sshd", "alice");
	play(pamh, ATTEMPT DENY("PAM_PERM_DENIED"));
	is_code(start_agent(pamh, agent, NULL), PAM_PERM_DENIED, "where a daemon listens, it is asked");
	played(pamh);
	finish(pamh);

	pamh = start("sshd", "alice");
	snprintf(option, sizeof option, "%s/none", directory);
	is_code(start_agent(pamh, option, NULL), PAM_AUTHINFO_UNAVAIL, "an agent that is not there");
	ok(strstr(pamh->logged, "none: No such file") != NULL && strstr(pamh->shown, "does not answer") != NULL,
	   "… log and person are told");
	is_code(start_agent(pamh, directory, NULL), PAM_SERVICE_ERR, "a directory is no agent");
	must(chmod(agent, 0775) == 0, "chmod");
	is_code(start_agent(pamh, agent, NULL), PAM_SERVICE_ERR, "nor is a program that a group can write");
	must(chmod(agent, 0644) == 0, "chmod");
	is_code(start_agent(pamh, agent, NULL), PAM_AUTHINFO_UNAVAIL, "one that cannot be executed cannot be started");
	must(chmod(agent, 0755) == 0 && chown(agent, 4711, 0) == 0, "chown");
	is_code(start_agent(pamh, agent, NULL), PAM_SERVICE_ERR, "nor is a program of somebody else's");
	must(chown(agent, 0, 0) == 0 && chmod(directory, 0777) == 0, "chmod");
	is_code(start_agent(pamh, agent, NULL), PAM_SERVICE_ERR, "nor one in a directory that others can write");
	ok(strstr(pamh->logged, "only root can change") != NULL, "… and the log says so");
	finish(pamh);
	unlink(agent);
	rmdir(directory);
}

/* What this program does when the module starts it. */
static int be_agent(void)
{
	char line[8192], link[64];
	struct sigaction action;
	sigset_t blocked;
	size_t length = 0, variables = 0;
	bool clean = getsid(0) == getpid() && getcwd(line, sizeof line) != NULL && strcmp(line, "/") == 0;

	for (int fd = 0; fd < 3; fd++) {
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t size = readlink(path, link, sizeof link);
		clean = clean && size == 9 && memcmp(link, "/dev/null", 9) == 0;
	}
	for (int fd = 4; fd < 256; fd++)
		clean = clean && fcntl(fd, F_GETFD) == -1;
	while (environ[variables] != NULL)
		variables++;
	clean = clean && variables == 2 && getenv("NODE_OPTIONS") == NULL;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	sigaction(SIGUSR2, NULL, &action);
	clean = clean && !sigismember(&blocked, SIGUSR1) && action.sa_handler == SIG_DFL;

	while (length < sizeof line - 1 && read(3, line + length, 1) == 1 && line[length] != '\n')
		length++;
	line[length] = '\0';
	if (strstr(line, "account=dies") != NULL)
		return 1;
	if (strstr(line, "account=waits") != NULL)
		return (int)read(3, line, 1);
	if (strstr(line, "account=alice") == NULL) {
		dprintf(3, "%s", DENY("PAM_MAXTRIES") + 2);
		while (strstr(line, "account=stays") != NULL)
			pause();
		return 0;
	}
	dprintf(3, "info text=%s\nprompt id=1 echo=yes text=Code:%%20\n", clean ? "clean" : "not%20clean");
	length = 0;
	while (length < sizeof line - 1 && read(3, line + length, 1) == 1 && line[length] != '\n')
		length++;
	dprintf(3, "%s", strncmp(line, "answer id=1 text=123456", 23) == 0 ? ALLOW + 2 : DENY("PAM_AUTH_ERR") + 2);
	return 0;
}

static void *one_of_many(void *data)
{
	long number = (long)(intptr_t)data;
	pam_handle_t *pamh = start("sshd", "alice");
	char answer[32], script[1024];

	snprintf(answer, sizeof answer, "%06ld", number);
	snprintf(script, sizeof script, "%s> answer id=1 text=%s\n%s", ATTEMPT PROMPT, answer,
		 number % 2 == 0 ? ALLOW : DECISION("deny", "x", "", "77", "PAM_MAXTRIES"));
	pamh->answers[0] = answer;
	int code = run(pamh, authenticate, script);
	bool good = played(pamh) && code == (number % 2 == 0 ? PAM_SUCCESS : PAM_MAXTRIES);
	finish(pamh);
	return good ? data : NULL;
}

static void at_once(void)
{
	pthread_t threads[40];
	int good = 0;

	for (long i = 0; i < 40; i++)
		pthread_create(&threads[i], NULL, one_of_many, (void *)(intptr_t)(i + 1));
	for (int i = 0; i < 40; i++) {
		void *result;
		pthread_join(threads[i], &result);
		good += result != NULL;
	}
	ok(good == 40, "40 logins at once in one process each get their own decision (%d)", good);
}

static int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "daemon") == 0 && strcmp(argv[2], "--once") == 0)
		return be_agent();
	void *module = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	const char *place = make_place();
	char command_line[512];

	if (module == NULL || place == NULL) {
		printf("Bail out! %s\n", module == NULL ? dlerror() : "no place for a socket");
		return 1;
	}
	snprintf(command_line, sizeof command_line, "%s%%20%s", argv[0], argv[1]);
	authenticate = (entry *)(intptr_t)dlsym(module, "pam_sm_authenticate");
	account = (entry *)(intptr_t)dlsym(module, "pam_sm_acct_mgmt");
	setcred = (entry *)(intptr_t)dlsym(module, "pam_sm_setcred");
	int descriptors = open_descriptors();

	exports(module);
	denials();
	entries();
	facts();
	long_facts();
	commands(command_line);
	conversation();
	bad_daemons();
	deadlines();
	two_phases();
	no_room();
	options();
	places(place);
	agents(argv[0]);
	at_once();
	ok(open_descriptors() == descriptors, "no descriptor is left open");
	remove_place();
	return tap_end();
}
