from django.db import migrations, models

# As videos/codecs.py had them when this was written.
DECODERS = {
    "libdav1d": "av1",
    "libaom-av1": "av1",
    "libsvtav1": "av1",
    "libvpx": "vp8",
    "libvpx-vp9": "vp9",
    "libx264": "h264",
    "libopenh264": "h264",
    "libx265": "hevc",
    "libxvid": "mpeg4",
}


def name_codecs(apps, schema_editor):
    """Version 0.1.0 stored the name of libav's decoder where it differs from the codec's: libdav1d for AV1."""
    saved_videos = apps.get_model("videos", "SavedVideo").objects.using(schema_editor.connection.alias)
    for decoder, codec in DECODERS.items():
        saved_videos.filter(codec=decoder).update(codec=codec)


class Migration(migrations.Migration):
    dependencies = [("videos", "0008_remote_ids_of_backends")]

    operations = [
        migrations.AddField(
            model_name="savedvideo",
            name="codec_string",
            field=models.CharField(
                blank=True, default="", help_text="As browsers are asked about it (RFC 6381).", max_length=64
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="savedvideo",
            name="codec",
            field=models.CharField(help_text="Of the video: h264, hevc, av1, …", max_length=32),
        ),
        migrations.RunPython(name_codecs, migrations.RunPython.noop),
    ]
