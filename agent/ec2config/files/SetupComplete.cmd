call "C:\Program Files\Amazon\Ec2ConfigService\Scripts\PostSysprep.cmd"
