-- Whose vectors are searched. Those of a new model are made beside them and take over in one transaction.
create table knowledge_model (
    single      boolean primary key default true check (single),
    model       nonblank not null,
    changed_at  timestamptz not null default now()
);
insert into knowledge_model (model)
select model from passage_vectors group by model order by count(*) desc, model limit 1;

-- What the local model saw in each token of the passage, 32 signed bytes a token; null for models that don't show it.
alter table passage_vectors add column tokens bytea;

-- What BM25 must know of a large collection, counted by each load: a count on each search would read most postings.
create table collection_statistics (
    language     text primary key,
    passages     integer not null check (passages > 0),
    mean_length  double precision not null check (mean_length >= 0)
);
create table term_statistics (
    term      text not null,
    language  text not null,
    passages  integer not null check (passages > 0),
    primary key (term, language) include (passages)
);

-- The articles that a customer may be shown: in their language, or in English where there is no translation, and of
-- their product or of all. One definition for both ways of searching; the planner sees through it.
create function articles_for(language text, product text) returns setof articles
language sql stable parallel safe
as $$
    select a.*
      from articles a
     where a.retired_at is null
       and ($2 = '' or a.product = '' or lower(a.product) = lower($2))
       and (a.language = $1
            or a.language = 'en'
               and not exists (select from articles t
                                where t.family = a.family and t.language = $1 and t.retired_at is null
                                  and ($2 = '' or t.product = '' or lower(t.product) = lower($2))))
$$;
