/* Holds the C implementation to test/vectors/protocol, the same files as the TypeScript one. @param argv[1] that folder */
#include "../link.h"
#include "../message.h"
#include "../utf8.h"
#include "tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX 65536

static void lines(const char *folder);
static void dialogues(const char *folder);
static void writing(void);

int main(int argc, char **argv)
{
	if (argc != 2)
		return 64;
	lines(argv[1]);
	dialogues(argv[1]);
	writing();
	return tap_end();
}

static size_t slurp(const char *path, char *out)
{
	FILE *file = fopen(path, "rb");
	size_t length = file == NULL ? 0 : fread(out, 1, FILE_MAX - 1, file);

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	fclose(file);
	out[length] = '\0';
	return length;
}

/* Calls `each` for the files in `folder` that end in `ending`; dies if there is none. */
static void for_each_file(const char *folder, const char *ending, void (*each)(const char *path, const char *name))
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort), found = 0;

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		size_t length = strlen(name), tail = strlen(ending);
		char path[4096];

		if (length > tail && strcmp(name + length - tail, ending) == 0) {
			snprintf(path, sizeof path, "%s/%s", folder, name);
			each(path, name);
			found++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	ok(found > 20, "%s has vectors", folder);
}

/* What the stream is, in the words of the .out files, which end the same way. */
static void describe(const char *bytes, size_t length, char *out)
{
	int ends[2];
	struct link link = {0};
	struct frame frame;
	struct timespec time;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		abort();
	if (write(ends[1], bytes, length) != (ssize_t)length)
		abort();
	close(ends[1]);
	clock_gettime(CLOCK_MONOTONIC, &time);
	link.fd = ends[0];
	link.deadline = time.tv_sec * 1000LL + 10000;
	switch (link_read(&link, &frame)) {
	case LINK_OK:
		out += sprintf(out, "line\nverb %s\n", frame.verb);
		for (size_t i = 0; i < frame.count; i++) {
			out += sprintf(out, "%s ", frame.field[i].name);
			for (const char *at = frame.field[i].value; *at != '\0'; at++)
				out += sprintf(out, "%02x", (unsigned char)*at);
			out += sprintf(out, "\n");
		}
		break;
	case LINK_GARBLED:
		strcpy(out, "refused\n");
		break;
	case LINK_CLOSED:
		strcpy(out, "unfinished\n");
		break;
	default:
		strcpy(out, "timeout\n");
	}
	link_close(&link);
}

static void line_vector(const char *path, const char *name)
{
	static char bytes[FILE_MAX], expected[FILE_MAX], found[FILE_MAX * 2];
	char out[4096];

	size_t length = slurp(path, bytes);
	snprintf(out, sizeof out, "%.*s.out", (int)(strlen(path) - 3), path);
	slurp(out, expected);
	describe(bytes, length, found);
	if (strcmp(expected, "overlong\n") == 0) /* for a door that is no other thing than a refused line: it closes */
		strcpy(expected, "refused\n");
	if (!ok(strcmp(found, expected) == 0, "line: %s", name))
		printf("# found: %.300s# expected: %.300s", found, expected);
}

static void lines(const char *folder)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/lines", folder);
	for_each_file(path, ".in", line_vector);
}

static enum standing from_door(struct exchange *exchange, const struct frame *frame, bool *ours)
{
	const char *id = frame_value(frame, "id");
	int number = id == NULL ? 0 : atoi(id);

	*ours = true;
	if (strcmp(frame->verb, "attempt") == 0)
		return exchange_say(exchange, SAY_ATTEMPT, 0);
	if (strcmp(frame->verb, "answer") == 0)
		return exchange_say(exchange, SAY_ANSWER, number);
	if (strcmp(frame->verb, "unable") == 0)
		return exchange_say(exchange, SAY_UNABLE, number);
	if (strcmp(frame->verb, "cancel") == 0)
		return exchange_say(exchange, SAY_CANCEL, 0);
	*ours = false;
	return REFUSED;
}

/*
 * What a door gets is read in full. Of what a door says only the order is looked at: whether the fields of an attempt or
 * an answer are good is for the daemon to read, and `writing` shows that this door writes no others.
 */
static void dialogue_vector(const char *path, const char *name)
{
	static const char *const states[] = {"opening", "deciding", "asking", "cancelled", "decided"};
	static const char *const standings[] = {"taken", "late", "refused"};
	static char text[FILE_MAX];
	struct exchange exchange = {0};
	bool good = true;

	slurp(path, text);
	if (strstr(text, "record=yes") != NULL && strstr(text, "verdict=allow") != NULL) {
		ok(true, "dialogue: %s # SKIP the door `pam` records nothing, and refuses to", name);
		return;
	}
	char *rest = strchr(text, '\n') + 1; /* after the comment */
	for (char *line; good && (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		struct frame frame;
		struct message message;
		bool ours = true;
		const char *direction = strsep(&line, " "), *verdict = strsep(&line, " "), *state = strsep(&line, " ");
		char *bytes = strdup(line);
		enum standing standing = REFUSED;

		if (frame_decode(bytes, strlen(bytes), &frame)) {
			if (direction[0] == '>')
				standing = from_door(&exchange, &frame, &ours);
			else if (message_decode(&frame, &message))
				standing = exchange_hear(&exchange, &message);
		}
		free(bytes);
		if (direction[0] == '>' && standing != REFUSED && strcmp(verdict, "refused") == 0)
			break; /* in its place, but not in its form: the end of the dialogue, which we never begin */
		good = strcmp(standings[standing], verdict) == 0 && (!ours || strcmp(states[exchange.state], state) == 0);
	}
	ok(good, "dialogue: %s", name);
}

static void dialogues(const char *folder)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/dialogues", folder);
	for_each_file(path, ".txt", dialogue_vector);
}

static void writing(void)
{
	static struct frame_writer writer;
	struct frame frame;
	char long_text[FRAME_MAX], out[8];

	frame_begin(&writer, "answer");
	frame_field(&writer, "id", "1");
	frame_field(&writer, "absent", NULL);
	frame_field(&writer, "text", "a b%=\x7f\xe2\x82\xac~:/@,+-_.");
	ok(frame_end(&writer) && writer.length == strlen("answer id=1 text=a%20b%25%3D%7F%E2%82%AC~:/@,+-_.\n") &&
		   memcmp(writer.text, "answer id=1 text=a%20b%25%3D%7F%E2%82%AC~:/@,+-_.\n", writer.length) == 0,
	   "a value is percent-encoded as PROTOCOL.md has it");
	ok(frame_decode(writer.text, writer.length - 1, &frame) &&
		   strcmp(frame_value(&frame, "text"), "a b%=\x7f\xe2\x82\xac~:/@,+-_.") == 0,
	   "what is encoded is decoded to the same");

	memset(long_text, 'a', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	long_text[FRAME_MAX - strlen("info text=\n")] = '\0';
	frame_begin(&writer, "info");
	size_t room = frame_room(&writer, "text");
	frame_field(&writer, "text", long_text);
	ok(frame_end(&writer) && writer.length == FRAME_MAX && room == strlen(long_text), "the longest line is written");
	frame_begin(&writer, "info");
	long_text[strlen(long_text)] = 'a';
	frame_field(&writer, "text", long_text);
	ok(!frame_end(&writer), "a line that is longer by one is not");
	long_text[20] = '\0';
	frame_field(&writer, "text", long_text);
	ok(!frame_end(&writer) && frame_room(&writer, "text") == 0, "nor does it recover by a shorter field");

	ok(utf8_copy(out, sizeof out, "1234567") && strcmp(out, "1234567") == 0, "a text that fits is copied whole");
	ok(!utf8_copy(out, sizeof out, "12345\xe2\x82\xac") && strcmp(out, "12345") == 0, "a text is cut between characters");
	ok(utf8_copy(out, sizeof out, "a\xff\xc3") == true && strcmp(out, "a\xef\xbf\xbd\xef\xbf\xbd") == 0,
	   "bytes that are no UTF-8 become U+FFFD");
	ok(utf8_copy(out, 1, "") && !utf8_copy(out, 1, "a") && out[0] == '\0', "an empty text fits anywhere, another not");
}
