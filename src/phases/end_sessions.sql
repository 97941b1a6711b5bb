do $close$
declare
    one record;
    others text;
    quiet int := 0;
begin
    for look in 1..1000 loop
        perform pg_sleep(0.01), pg_stat_clear_snapshot();
        others := null;
        for one in
            select a.pid, a.usename
            from pg_stat_activity a
            join pg_roles r on r.oid = a.usesysid
            where a.datname = current_database() and a.pid <> pg_backend_pid()
                and coalesce(a.backend_type, 'client backend') = 'client backend'
                and a.application_name is distinct from current_setting('application_name')
                and (not r.rolsuper
                    or (select rolsuper from pg_roles where rolname = current_user))
            order by a.pid
        loop
            others := concat_ws(', ', others, format('%s of %s', one.pid, one.usename));
            begin
                perform pg_terminate_backend(one.pid);
            exception when insufficient_privilege then
                null;
            end;
        end loop;
        quiet := case when others is null then quiet + 1 else 0 end;
        if quiet = 3 then
            return;
        end if;
    end loop;
    raise exception 'sessions that may write were opened before the target was closed: %', others
        using hint = 'End them, or grant pg_signal_backend to the connected role.';
end $close$