/* SPDX-License-Identifier: MIT */
/*
 * standalone.c -- main() for fuzz targets without a fuzzer: runs every file of the folders given as arguments once, so
 * that each input that ever found something is tried again by an ordinary build.
 *
 * Prints "ok   fuzz_NAME: N inputs". A folder that is missing or empty fails: a corpus that got lost must not pass.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (16l << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int complain(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return -1;
}

static int run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	/* Exactly the size of the input, so that the address sanitizer sees a read behind its end. */
	uint8_t *data = malloc(size > 0 ? size : 1);
	int status = -1;
	if (f == NULL || data == NULL || fread(data, 1, size, f) != size) {
		complain(path);
	} else {
		LLVMFuzzerTestOneInput(data, size);
		status = 0;
	}
	free(data);
	if (f != NULL)
		fclose(f);
	return status;
}

static int run_folder(const char *folder, size_t *inputs)
{
	DIR *dir = opendir(folder);
	if (dir == NULL)
		return complain(folder);
	size_t before = *inputs;
	int status = 0;
	const struct dirent *entry;
	while (status == 0 && (entry = readdir(dir)) != NULL) {
		char path[4096];
		struct stat st;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > INPUT_MAX) {
			fprintf(stderr, "%s: not an input\n", path);
			status = -1;
		} else {
			status = run_file(path, (size_t)st.st_size);
			*inputs += status == 0;
		}
	}
	closedir(dir);
	if (status == 0 && *inputs == before) {
		fprintf(stderr, "%s: there is no input\n", folder);
		status = -1;
	}
	return status;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];
	size_t inputs = 0;
	if (argc < 2) {
		fprintf(stderr, "usage: %s FOLDER...\n", name);
		return 64;
	}
	for (int i = 1; i < argc; i++)
		if (run_folder(argv[i], &inputs) != 0) {
			printf("FAIL %s: %s\n", name, argv[i]);
			return 1;
		}
	printf("ok   %s: %zu inputs\n", name, inputs);
	return 0;
}
