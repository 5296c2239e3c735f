#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terraform's AWS provider: an instance with its security group, a second plan that finds nothing
to do, and the end of both. The provider comes from where terraform finds it; KILN_TF_MIRROR names
a directory with a mirror of it. Skipped when there is none."""
import os, shutil, subprocess, threading
from apiserver import Server, ok, plan, skip

CONFIG = '''
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "url" {}
variable "ami" {}
provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  endpoints {
    ec2 = var.url
    sts = var.url
  }
}
data "aws_vpc" "d" { default = true }
data "aws_subnets" "s" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.d.id]
  }
}
resource "aws_security_group" "g" {
  name        = "tf"
  description = "terraform"
  vpc_id      = data.aws_vpc.d.id
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
    description = "ssh"
  }
  ingress {
    from_port = 0
    to_port   = 0
    protocol  = "-1"
    self      = true
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
  tags = { Name = "tf" }
}
resource "aws_instance" "i" {
  ami                    = var.ami
  instance_type          = "t3.micro"
  subnet_id              = sort(data.aws_subnets.s.ids)[0]
  vpc_security_group_ids = [aws_security_group.g.id]
  user_data              = "#!/bin/sh\\necho hello\\n"
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
    instance_metadata_tags      = "enabled"
  }
  tags = { Name = "i" }
}
'''


class Jobs(threading.Thread):
    """Does what jobs would do: moves instances on."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended = server, threading.Event()

    def run(self):
        ec2, moves = self.server.client(), {'pending': 'running', 'shutting-down': 'terminated'}
        while not self.ended.wait(0.2):
            for r in ec2.describe_instances()['Reservations']:
                for i in r['Instances']:
                    if i['State']['Name'] in moves:
                        self.server.tell(f"{moves[i['State']['Name']]} {i['InstanceId']}")


def main():
    if not shutil.which('terraform'):
        skip('terraform is missing')
    server = Server()
    place = server.home + '/tf'
    env = dict(os.environ, AWS_ACCESS_KEY_ID=server.key, AWS_SECRET_ACCESS_KEY=server.secret,
               TF_VAR_url=server.url, CHECKPOINT_DISABLE='1')

    def terraform(*args):
        p = subprocess.run(['terraform', *args, '-no-color', '-input=false'], cwd=place, env=env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return p.returncode, p.stdout
    try:
        os.mkdir(place)
        with open(place + '/main.tf', 'w', encoding='ascii') as f:
            f.write(CONFIG)
        if 'KILN_TF_MIRROR' in os.environ:
            env['TF_CLI_CONFIG_FILE'] = place + '/rc'
            with open(place + '/rc', 'w', encoding='utf-8') as f:
                f.write('provider_installation { filesystem_mirror { path = '
                        f'"{os.environ["KILN_TF_MIRROR"]}" }} }}\n')
        status, said = terraform('init')
        if status:
            skip('terraform finds no AWS provider')
        env['TF_VAR_ami'] = server.image()
        jobs = Jobs(server)
        jobs.start()
        status, said = terraform('apply', '-auto-approve')
        assert status == 0, said
        ok('an instance and its group are made')
        status, said = terraform('plan', '-detailed-exitcode')
        assert status == 0, said
        ok('a second plan finds nothing to do')
        status, said = terraform('destroy', '-auto-approve')
        assert status == 0, said
        ok('both are taken away')
        jobs.ended.set()
        jobs.join()
        plan()
    finally:
        server.end()


main()
