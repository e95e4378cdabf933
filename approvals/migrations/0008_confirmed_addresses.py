"""Mail goes to confirmed addresses alone. What people had written waits for them to confirm it."""

from django.conf import settings
from django.db import migrations


def keep(apps, schema_editor):
    people = apps.get_model(settings.AUTH_USER_MODEL)
    addresses = apps.get_model("account", "EmailAddress")
    preferences = apps.get_model("approvals", "NoticePreference")
    for row in preferences.objects.filter(is_group=False).exclude(address=""):
        person = people.objects.filter(username=row.subject).first()
        if person is not None and not addresses.objects.filter(user=person).exists():
            addresses.objects.create(user=person, email=row.address.lower())


class Migration(migrations.Migration):
    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("approvals", "0007_reviewers_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(keep, migrations.RunPython.noop),
        migrations.RemoveField(model_name="noticepreference", name="address"),
    ]
