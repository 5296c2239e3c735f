/* SPDX-License-Identifier: Apache-2.0 */
/* The console's lines about the image, the system, the instance, drivers and agents. Each group has
 * a fallback text, none ever fails. */
#pragma once

#include "engine/console.h"
#include "engine/imds.h"

void facts_image(struct win *w, struct console *c, const struct dialect *d);  /* AMI Origin ... */
void facts_system(struct win *w, struct console *c, const struct dialect *d); /* OS: ... Offset: */
void facts_launch(struct console *c, const struct dialect *d);         /* Launch: EC2 Launch v... */
void facts_instance(struct win *w, struct imds *m, struct console *c); /* AMI-ID:, Instance-ID: */
void facts_type(struct imds *m, struct console *c);                    /* Instance Type: */
void facts_sql(struct win *w, struct imds *m, struct console *c);      /* when billed */
void facts_drivers(struct win *w, struct console *c, const struct dialect *d);
void facts_agents(struct win *w, struct console *c, const struct dialect *d); /* SSM, VSS */
void facts_certificate(struct win *w, struct console *c, bool host_name);     /* RDPCERTIFICATE- */
/* HibernationEnabled: true/false/failed, by meta-data/hibernation/configured. -EIO: failed. */
int facts_hibernation(struct win *w, struct imds *m, struct console *c, const struct dialect *d);
/* All of them in the dialect's order, from image to agents and certificate. */
void facts_all(struct win *w, struct imds *m, struct console *c, const struct dialect *d);
