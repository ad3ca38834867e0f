-- Without a company, row-level security shows no row of a company's table. Nobody means to ask that way: the statement says
-- so in a warning, which the server counts and logs. With a company it costs nothing.
create function warn_company_missing() returns text
  language plpgsql stable parallel safe
as $$
begin
  raise warning 'a company''s table was used without a company' using errcode = 'PZ001', detail = current_query();
  return null;
end $$;

create or replace function current_company() returns text
  language sql stable parallel safe
  return coalesce(nullif(current_setting('presszero.company_id', true), ''), warn_company_missing());
