"""Two locks in the database itself: a request steps only as its table says, a sign-off is never changed.

A rebuild from the log says so first (`SET LOCAL countersign.rebuilding = on`), in its own transaction.
"""

from django.db import migrations

GUARDS = """
CREATE FUNCTION approvals_request_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('countersign.rebuilding', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an approval request is never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'pending' THEN
            RAISE EXCEPTION 'an approval request opens as pending' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.run, NEW.action, NEW.revision, NEW.digest, NEW.opened)
        IS DISTINCT FROM (OLD.id, OLD.run, OLD.action, OLD.revision, OLD.digest, OLD.opened) THEN
        RAISE EXCEPTION 'what an approval request was opened with never changes' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = OLD.status AND NEW.version = OLD.version THEN
        RETURN NEW;
    END IF;
    IF NEW.version <> OLD.version + 1 OR (OLD.status, NEW.status) NOT IN (
        ('pending', 'approved'), ('pending', 'rejected'), ('pending', 'expired'), ('pending', 'withdrawn'),
        ('pending', 'superseded'), ('approved', 'revoked'), ('approved', 'stale'), ('approved', 'lapsed'),
        ('approved', 'withdrawn')
    ) THEN
        RAISE EXCEPTION 'an approval request does not step from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approvals_request_guard BEFORE INSERT OR UPDATE OR DELETE ON approvals_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION approvals_request_guard();

CREATE FUNCTION approvals_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('countersign.rebuilding', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER approvals_append_only BEFORE UPDATE OR DELETE ON approvals_signoff
    FOR EACH ROW EXECUTE FUNCTION approvals_append_only();
CREATE TRIGGER approvals_append_only BEFORE UPDATE OR DELETE ON approvals_policyrevision
    FOR EACH ROW EXECUTE FUNCTION approvals_append_only();
"""
NO_GUARDS = """
DROP TRIGGER approvals_append_only ON approvals_policyrevision;
DROP TRIGGER approvals_append_only ON approvals_signoff;
DROP TRIGGER approvals_request_guard ON approvals_approvalrequest;
DROP FUNCTION approvals_append_only();
DROP FUNCTION approvals_request_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]

    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]
