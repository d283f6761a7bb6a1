/* SPDX-License-Identifier: MIT */
/*
 * hashloop.c -- reads every message file below a folder and computes its SHA-256: the least that a verification
 * of these files can cost in one thread. Prints files, bytes and a digest of all digests, so that nothing can be
 * optimised away.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sum {
	EVP_MD *md;
	EVP_MD_CTX *one, *all;
	uint64_t files, bytes;
};

static void fail(const char *what)
{
	fprintf(stderr, "hashloop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void hash_file(struct sum *s, const char *path)
{
	static char piece[256 * 1024];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	EVP_DigestInit_ex2(s->one, s->md, NULL);
	while ((n = read(fd, piece, sizeof piece)) > 0) {
		EVP_DigestUpdate(s->one, piece, (size_t)n);
		s->bytes += (uint64_t)n;
	}
	if (n < 0)
		fail(path);
	close(fd);
	EVP_DigestFinal_ex(s->one, digest, &size);
	EVP_DigestUpdate(s->all, digest, size);
	s->files++;
}

int main(int argc, char **argv)
{
	struct sum s = {.md = EVP_MD_fetch(NULL, "SHA256", NULL),
		.one = EVP_MD_CTX_new(),
		.all = EVP_MD_CTX_new()};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size;
	if (argc != 2 || s.md == NULL || s.one == NULL || s.all == NULL) {
		fprintf(stderr, "usage: hashloop FOLDER\n");
		return 2;
	}
	EVP_DigestInit_ex2(s.all, s.md, NULL);
	char *roots[] = {argv[1], NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (tree == NULL)
		fail(argv[1]);
	for (FTSENT *e; (e = fts_read(tree)) != NULL;)
		if (e->fts_info == FTS_F)
			hash_file(&s, e->fts_path);
	fts_close(tree);
	EVP_DigestFinal_ex(s.all, digest, &size);
	EVP_MD_CTX_free(s.one);
	EVP_MD_CTX_free(s.all);
	EVP_MD_free(s.md);
	printf("{\"messages\": %llu, \"bytes\": %llu, \"digest\": \"", (unsigned long long)s.files,
		(unsigned long long)s.bytes);
	for (unsigned i = 0; i < 8; i++)
		printf("%02x", digest[i]);
	printf("\"}\n");
	return 0;
}
