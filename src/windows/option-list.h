/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of the actions, in groups: X(name, kind, value, help). The document's parser and the
 * command line are made from them. */
#pragma once

#define WINDOWS_OPTIONS_ANSWER(X)                                                                  \
    X("answer-file", FILE_TEXT, "FILE",                                                            \
      "An answer file (unattend.xml); without it, one is made from the other options.")            \
    X("dialect", TEXT, "AGENT",                                                                    \
      "Lay down what this launch agent finds on an image: ec2launch-v2, ec2launch or ec2config.")

#define WINDOWS_OPTIONS_SETTING(X)                                                                 \
    X("computer-name", TEXT, "NAME", "The computer's name.")                                       \
    X("user", TEXT, "NAME", "The account whose password is set, instead of Administrator.")        \
    X("password", TEXT, "TEXT",                                                                    \
      "Its password. Others on this machine can see a command line; a request file hides it.")     \
    X("locale", TEXT, "TAG", "Language and formats, as 'de-DE'.")                                  \
    X("keyboard", TEXT, "TAG", "Keyboard layout, as 'de-DE' or '0407:00000407'.")                  \
    X("time-zone", TEXT, "NAME", "As Windows calls it: 'W. Europe Standard Time'.")                \
    X("product-key", TEXT, "KEY", "The product key.")                                              \
    X("organisation", TEXT, "TEXT", "Registered organisation.")                                    \
    X("owner", TEXT, "TEXT", "Registered owner.")                                                  \
    X("run", LIST, "COMMAND", "Run this at the first boot; may be given several times.")           \
    X("copy", COPY, "FROM:TO",                                                                     \
      "Copy a file or a directory of this machine onto the disk, as "                              \
      "'motd.txt:Users/Public/motd.txt'; may be given several times.")                             \
    X("ems", FLAG, NULL, "Turn the serial console on in the boot configuration.")                  \
    X("rdp", FLAG, NULL, "Let Remote Desktop in.")

#define WINDOWS_OPTIONS_PREPARE(X)                                                                 \
    X("agent", TREE, "PATH", "Install this launch agent: its directory, or its installer.")        \
    X("agent-settings", FILE_TEXT, "FILE", "Its configuration file.")                              \
    X("drivers", TREE, "DIR",                                                                      \
      "Inject these drivers: a directory with .inf, .sys and .cat files, as of virtio-win.")

#define WINDOWS_OPTIONS_GENERALISE(X)                                                              \
    X("keep-users", FLAG, NULL,                                                                    \
      "Keep local users and their profiles under the new SID. Their saved passwords and "          \
      "certificates are lost, and their Start menu may be.")
