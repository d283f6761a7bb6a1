// SPDX-License-Identifier: MIT
//
// outside.cc -- a C++11 program that uses the installed library, built by tests/check-install.
//
//       outside PORT CA-FILE USER    fetches the subjects in INBOX on localhost over TLS
//
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <imap4/imap4.h>
#include <imap4/imap4_call.h>
#include <imap4/imap4_mime.h>
#include <imap4/imap4_util.h>

using session = std::unique_ptr<imap4_session, void (*)(imap4_session *)>;
using envelope = std::unique_ptr<imap4_envelope, void (*)(imap4_envelope *)>;

static session connect_to(char **argv)
{
	imap4_options o;
	imap4_session *s = nullptr;
	imap4_options_init(&o, sizeof o);
	o.host = "localhost";
	o.port = static_cast<uint16_t>(std::atoi(argv[1]));
	o.ca_file = argv[2];
	imap4_err rc = imap4_open(&s, &o, nullptr);
	if (rc == IMAP4_OK)
		rc = imap4_call_login(s, argv[3], "secret");
	if (rc != IMAP4_OK)
		std::cerr << "connecting: " << imap4_err_name(rc) << "\n";
	session owner(s, imap4_close);
	return rc == IMAP4_OK ? std::move(owner) : session(nullptr, imap4_close);
}

static int keep_subject(void *ctx, const imap4_message *m)
{
	envelope e(imap4_envelope_new(imap4_message_item(m, "ENVELOPE")), imap4_envelope_free);
	if (e != nullptr && e->subject.ptr != nullptr)
		static_cast<std::vector<std::string> *>(ctx)->emplace_back(
			e->subject.ptr, e->subject.len);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 64;
	session s = connect_to(argv);
	if (s == nullptr || imap4_call_select(s.get(), "INBOX", 0) != IMAP4_OK)
		return 1;
	std::unique_ptr<imap4_set, void (*)(imap4_set *)> first(imap4_set_of("1"), imap4_set_free);
	std::vector<std::string> subjects;
	if (imap4_call_fetch(s.get(), first.get(), "ENVELOPE", IMAP4_BY_SEQ, keep_subject,
		    &subjects) != IMAP4_OK)
		return 1;
	for (const std::string &subject : subjects)
		std::cout << "subject: " << subject << "\n";
	return imap4_call_logout(s.get()) == IMAP4_OK ? 0 : 1;
}
